// Reports are part of the public vocabulary; the runtime fills them.
#pragma once
#include "lazuli/base/report.h"

namespace lazuli::runtime {
using lazuli::KernelReport;
using lazuli::Report;
}  // namespace lazuli::runtime
