// Prints docs/CONFIG.md.
#include <cstdio>
#include <string>

#include "coordinator/config_file/config_doc.h"

int main() {
  const std::string doc = iris::ConfigDoc();
  return std::fwrite(doc.data(), 1, doc.size(), stdout) == doc.size() ? 0 : 1;
}
