#ifndef IRIS_AGENT_CLAUDE_CLOSED_FOLDER_H_
#define IRIS_AGENT_CLAUDE_CLOSED_FOLDER_H_

#include <string>

namespace iris {

// The first folder on the way to `path` that this account may not enter, `path` itself where it is
// such a folder; symbolic links are followed. It says why the account gets EACCES for `path`. "":
// the account may enter all of them, or something on the way is missing.
std::string ClosedFolder(const std::string& path);

}  // namespace iris

#endif  // IRIS_AGENT_CLAUDE_CLOSED_FOLDER_H_
