// The one `main` of all test programs.
#define CATCH_CONFIG_RUNNER  // for Catch2 2.13; version 3 does not look at it
#include "tests/support/catch.hpp"

int main(int argc, char* argv[]) { return Catch::Session().run(argc, argv); }
