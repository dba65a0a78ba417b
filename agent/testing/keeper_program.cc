// Stands for `iris-agent` in tests of what runs below it: its only subcommand is `keeper`.
#include <unistd.h>

#include "agent/process/keeper.h"

int main(int argc, char** argv) { return iris::KeeperMain(argc, argv, environ); }
