#ifndef IRIS_AGENT_APP_HOST_FOLDER_H_
#define IRIS_AGENT_APP_HOST_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/inventory/host_facts.h"

namespace iris {

// Which folder of hosts/ is this host's, and who this host is.
//
//   hosts/PLACE           by machine id and hostname, so that hosts that share a home do not meet
//   hosts/PLACE/identity  the host's id, and evidence of the machine that wrote it (HostRecord)
//   hosts/PLACE.ID        set aside: it lay at our place and is another machine's
//
// Two things go wrong with names. A machine that was cloned finds the folder of its original at its
// place; a host that was renamed finds none. An id lies in one folder at a time, for a folder is
// renamed and never copied here. Whoever renames one holds its agent.lock meanwhile: the agent that
// uses it would, and one that starts looks at the name again once it has the lock (LockEndpoint).
struct HostFolder {
  std::string path;  // Need not be there.
  // What happened to folders on the way; for the log, which is opened behind it.
  std::vector<std::string> news;
};

// The folder for this host, before it is locked for life. What lies at our place and was written by
// another machine is set aside; where nothing lies there, the folder that this machine wrote under
// another name, if that is certain and no agent holds it, gets our name. An agent of this boot that
// runs under the earlier name keeps its folder, which is returned.
//
// An error leaves a folder where it is: SettleHostId() sees what that means.
HostFolder ChooseHostFolder(const std::string& hosts, const HostFacts& facts);

// This host's id, from the record in `folder`, which exists and is ours by its lock; the record
// says what is so now when it returns. New at random where the folder is new or what is there is no
// record; facts.place where an older build made the folder, which called the host so. Makes
// folder/sessions. FAILURE_STORAGE: the record cannot be read, or that of a new folder cannot be
// written, or the folder is another machine's and could not be set aside.
absl::StatusOr<std::string> SettleHostId(const std::string& folder, const HostFacts& facts);

// Has the record in `folder` say `id`: of an agent that goes on in place, and was `id` before.
// Makes folder/sessions. An agent whose record cannot be written goes on all the same.
absl::Status KeepHostId(const std::string& folder, const std::string& id, const HostFacts& facts);

}  // namespace iris

#endif  // IRIS_AGENT_APP_HOST_FOLDER_H_
