/// \file contract.cpp
#include "tests/support/contract.hpp"

template larder::testing::detail::CheckList larder::testing::detail::all_checks<void>();
