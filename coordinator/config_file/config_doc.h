#ifndef IRIS_COORDINATOR_CONFIG_FILE_CONFIG_DOC_H_
#define IRIS_COORDINATOR_CONFIG_FILE_CONFIG_DOC_H_

#include <string>

namespace iris {

// docs/CONFIG.md, made from the schema and the tables beside it.
std::string ConfigDoc();

}  // namespace iris

#endif  // IRIS_COORDINATOR_CONFIG_FILE_CONFIG_DOC_H_
