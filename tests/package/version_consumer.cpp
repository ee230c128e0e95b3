/// \file version_consumer.cpp
/// The least that a program can want of larder.
#include <larder/version.hpp>

#include <cstdlib>

int main() { return LARDER_VERSION_MAJOR >= 0 ? EXIT_SUCCESS : EXIT_FAILURE; }
