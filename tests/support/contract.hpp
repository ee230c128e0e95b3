/// \file contract.hpp
/// The contract kit, whose checks are compiled once for all programs of the tests, in contract.cpp.
#pragma once

#include <larder/testing/backend_contract.hpp>

extern template larder::testing::detail::CheckList larder::testing::detail::all_checks<void>();
