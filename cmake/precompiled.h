// Compiled once for all layers. A convenience of the build alone: every file includes what it uses,
// and the dev-clang preset builds without this header to prove it.
#pragma once
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>
