#include "coordinator/app/testing/fake_engine.h"
#include "coordinator/cli/run.h"

int main(int argc, char** argv) { return iris::RunIris(argc, argv, iris::MakeFakeEngine); }
