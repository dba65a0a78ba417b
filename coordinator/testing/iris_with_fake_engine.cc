#include "coordinator/cli/run.h"
#include "coordinator/testing/fake_engine.h"

int main(int argc, char** argv) { return iris::RunIris(argc, argv, iris::MakeFakeEngine); }
