// The tuner and its table: winners are kept, found by later contexts and used, bits stay, budgets hold, and files that
// are damaged or of somebody else are left out with a reason.
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "ir/text.h"
#include "lazuli/base/error.h"
#include "runtime/tune.h"
#include "runtime/tuning_table.h"
#include "tests/runtime/build.h"

namespace lazuli::runtime {
namespace {

using namespace testing;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

/// A folder of its own, removed with its contents.
struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "lazuli-tuning-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path); }
  std::string path;
};

Settings settings_of(const Folder& folder, int threads = 1) {
  Settings s;
  s.tuned = folder.path + "/winners";  // is made when it is needed
  s.num_threads = threads;
  return s;
}

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

NodeRef product(Runtime& r, const NodeRef& a, const NodeRef& b) {
  return r.make(Op::dot_general, {a, b}, ir::DotAttr{std::make_shared<ir::DotDims>(ir::DotDims{{}, {}, {1}, {0}})});
}

EvalOptions profiled() {
  EvalOptions o;
  o.profile = true;
  return o;
}

TEST(Tune, WinnersAreUsedByThisContextAndLaterOnesWithTheSameBits) {
  const Folder folder;
  std::vector<float> untuned;
  {
    Runtime plain;
    const NodeRef y = product(plain, plain.numbers({70, 300}, 1), plain.numbers({300, 90}, 2));
    untuned = values<float>(*plain.run({y}).buffers[0], 70 * 90);
  }
  std::string winner;
  {
    Runtime r(settings_of(folder));
    const NodeRef y = product(r, r.numbers({70, 300}, 1), r.numbers({300, 90}, 2));
    const std::string before = r.run({y}, profiled()).report.kernels.at(0).schedule;
    std::vector<TuneProgress> told;
    const TuneReport report =
        tune(r.context, {{y}}, {.seconds = 1, .progress = [&](const TuneProgress& p) { told.push_back(p); }});
    ASSERT_EQ(report.kernels.size(), 1u);
    const TunedKernel& k = report.kernels[0];
    EXPECT_TRUE(report.notes.empty()) << report.notes[0];
    EXPECT_EQ(k.kind, "contract");
    EXPECT_EQ(k.before, before);
    EXPECT_GT(k.candidates, 1);
    EXPECT_LE(k.after_us, k.before_us);
    EXPECT_EQ(report.file, r.context.tuning().file());
    EXPECT_TRUE(fs::exists(report.file));
    ASSERT_FALSE(told.empty());
    EXPECT_EQ(told.back().fraction, 1);
    for (size_t i = 1; i < told.size(); ++i) EXPECT_GE(told[i].fraction, told[i - 1].fraction);
    for (const TuneProgress& p : told) EXPECT_LE(p.seconds + p.left, std::max(1.0, p.seconds) + 1e-6);
    winner = k.after + " tuned";
    const EvalResult result = r.run({y}, profiled());
    EXPECT_EQ(result.report.kernels.at(0).schedule, winner);
    EXPECT_EQ(result.report.kernels.at(0).klass, "exact");
    EXPECT_EQ(values<float>(*result.buffers[0], 70 * 90), untuned);
    const TuneReport again = tune(r.context, {{y}}, {.seconds = 1});
    EXPECT_EQ(again.known, 1);
    EXPECT_TRUE(again.kernels.empty());
  }
  Runtime later(settings_of(folder));
  const NodeRef y = product(later, later.numbers({70, 300}, 1), later.numbers({300, 90}, 2));
  const EvalResult result = later.run({y}, profiled());
  EXPECT_EQ(result.report.kernels.at(0).schedule, winner);
  EXPECT_EQ(values<float>(*result.buffers[0], 70 * 90), untuned);
  EXPECT_THAT(explain(later.context, {{y}}, {}), HasSubstr(winner + "; class: exact"));
  EXPECT_THAT(dump(later.context, {{y}}, "schedule", {}), HasSubstr(winner));
  EXPECT_TRUE(later.logged.empty()) << later.logged;
  // On another number of threads there is no winner.
  Runtime wider(settings_of(folder, 2));
  const NodeRef z = product(wider, wider.numbers({70, 300}, 1), wider.numbers({300, 90}, 2));
  EXPECT_THAT(wider.run({z}, profiled()).report.kernels.at(0).schedule, Not(HasSubstr("tuned")));
}

TEST(Tune, BitsStayForEveryShape) {
  const Folder folder;
  for (const auto& [m, k, n] : {std::tuple{16, 16, 16},
                                {33, 100, 47},
                                {2, 600, 130},
                                {130, 70, 3},
                                {70, 300, 1},
                                {40, 1100, 64},
                                {31, 1, 17},
                                {97, 520, 101}}) {
    Runtime tuned(settings_of(folder)), plain;
    const auto make = [&](Runtime& r) {
      return r.make(Op::relu, {product(r, r.numbers({m, k}, 5), r.numbers({k, n}, 6))});
    };
    const NodeRef y = make(tuned), z = make(plain);
    const TuneReport report = tune(tuned.context, {{y}}, {.seconds = 0.25});
    EXPECT_TRUE(report.notes.empty()) << report.notes[0];
    const EvalResult got = tuned.run({y}, profiled());
    EXPECT_THAT(got.report.kernels.at(0).schedule, EndsWith(" tuned")) << m << " " << k << " " << n;
    EXPECT_EQ(values<float>(*got.buffers[0], m * n), values<float>(*plain.run({z}).buffers[0], m * n));
    expect_interpreted({y}, got);
  }
}

TEST(Tune, TheBudgetHolds) {
  const Folder folder;
  Runtime r(settings_of(folder));
  std::vector<NodeRef> outputs;
  for (const int64_t n : {64, 65, 66, 67, 68, 69})
    outputs.push_back(product(r, r.numbers({n, 700}), r.numbers({700, n})));
  const TuneReport none = tune(r.context, {outputs}, {.seconds = 0});
  EXPECT_EQ(none.skipped, 6);
  EXPECT_TRUE(none.kernels.empty());
  EXPECT_FALSE(fs::exists(r.context.tuning().file()));
  const TuneReport some = tune(r.context, {outputs}, {.seconds = 0.6});
  EXPECT_EQ(some.skipped + static_cast<int>(some.kernels.size()), 6);
  // What was begun is finished: a kernel's compilation and a last comparison, on a machine that others may use.
  EXPECT_LT(some.seconds, 0.6 + 1.0);
}

TEST(Tune, NothingIsKeptWithoutAFolderOrWhereItIsNotWanted) {
  const Folder folder;
  Runtime r(settings_of(folder)), without;
  const NodeRef y = product(r, r.numbers({20, 30}), r.numbers({30, 40}));
  const TuneReport report = tune(r.context, {{y}}, {.seconds = 0.2, .save = false});
  EXPECT_TRUE(report.file.empty());
  EXPECT_FALSE(fs::exists(r.context.tuning().file()));
  EXPECT_THAT(r.run({y}, profiled()).report.kernels.at(0).schedule, EndsWith(" tuned"));
  const NodeRef z = product(without, without.numbers({20, 30}), without.numbers({30, 40}));
  EXPECT_TRUE(tune(without.context, {{z}}, {.seconds = 0.2}).file.empty());
  EXPECT_THAT(without.run({z}, profiled()).report.kernels.at(0).schedule, EndsWith(" tuned"));
  // A folder that cannot be made is said.
  write(folder.path + "/file", "");
  Settings blocked;
  blocked.tuned = folder.path + "/file/below";
  Runtime b(blocked);
  const TuneReport refused =
      tune(b.context, {{product(b, b.numbers({20, 30}), b.numbers({30, 40}))}}, {.seconds = 0.2});
  EXPECT_TRUE(refused.file.empty());
  ASSERT_EQ(refused.notes.size(), 1u);
  EXPECT_THAT(refused.notes[0], HasSubstr("cannot be written"));
}

TEST(Tune, ReportsSchedulesOfEveryStrategy) {
  // Class and schedule of a contraction stand in the report and in the explanation, whatever the strategy.
  struct Strategy {
    const char* what;
    int64_t m, k, n;
    const char* schedule;
  };
  const Strategy strategies[] = {
      {"direct", 48, 48, 48, "pack=none/none registers constant"},
      {"packed", 300, 700, 520, "pack=task/shared"},
      {"skinny", 4, 700, 900, "tile=4x"},
      {"matrix-vector", 1, 700, 900, "row_"},
      {"tall K", 4, 9 * 32768, 20, " split"},
  };
  for (const Strategy& s : strategies) {
    Runtime r;
    const NodeRef y = product(r, r.numbers({s.m, s.k}), r.numbers({s.k, s.n}));
    const KernelReport k = r.run({y}, profiled()).report.kernels.at(0);
    EXPECT_EQ(k.klass, "exact") << s.what;
    EXPECT_THAT(k.schedule, HasSubstr(s.schedule)) << s.what;
    EXPECT_THAT(explain(r.context, {{y}}, {}), HasSubstr("  schedule: " + k.schedule + "; class: exact\n")) << s.what;
  }
}

TunedSchedule winner(const std::string& kernel) {
  return {.over = "contract 512b x1", .knobs = "tile_rows=4", .kernel = kernel, .before_us = 20.5, .after_us = 10.25};
}

struct Table {
  explicit Table(const std::string& folder, const std::string& machine = "machine 1")
      : table(folder, machine, [this](const std::string& text) { logged += text + "\n"; }) {}
  std::string logged;
  TuningTable table;
};

TEST(TuningTable, KeepsWhatItIsGiven) {
  const Folder folder;
  Table first(folder.path);
  EXPECT_TRUE(first.table.empty());
  first.table.insert("a", winner("one"));
  first.table.insert("b", winner("with\ttabs\nand lines"));
  std::string why;
  ASSERT_TRUE(first.table.save(&why)) << why;
  Table second(folder.path);
  EXPECT_EQ(second.table.find("a"), winner("one"));
  EXPECT_EQ(second.table.find("b"), winner("with tabs and lines"));
  EXPECT_FALSE(second.table.find("c"));
  EXPECT_EQ(second.logged, "");
  // Another machine, another file.
  Table other(folder.path, "machine 2");
  EXPECT_TRUE(other.table.empty());
  EXPECT_NE(other.table.file(), first.table.file());
  EXPECT_EQ(other.logged, "");
}

TEST(TuningTable, LeavesOutWhatIsDamagedAndSaysWhy) {
  const Folder folder;
  Table first(folder.path);
  for (const char* key : {"a", "b", "c"}) first.table.insert(key, winner(key));
  ASSERT_TRUE(first.table.save(nullptr));
  const std::string file = first.table.file(), good = read(file);
  const auto with = [&](const std::string& text) {
    write(file, text);
    Table t(folder.path);
    const size_t found = t.table.entries().size();
    return std::pair(found, t.logged);
  };
  EXPECT_EQ(with(good), std::pair(size_t{3}, std::string()));
  struct Damage {
    std::string text;
    size_t kept;
    const char* reason;
  };
  std::string flipped = good, doubled = good;
  flipped[good.find("tile_rows=4") + 10] = '9';  // in the first line of winners
  const size_t last_line = good.rfind('\n', good.size() - 2) + 1;
  const std::string binary("\0\1\2\3garbage\xff", 12);
  for (const Damage& d : std::initializer_list<Damage>{
           {flipped, 2, "1 lines are damaged, the first one is line 3"},
           {good.substr(0, good.size() - 20), 2, "1 lines are damaged, the first one is line 5"},
           {good.substr(0, last_line) + "\n" + good.substr(last_line), 3,
            "1 lines are damaged, the first one is line 5"},
           {good.substr(0, 30), 0, "another machine"},
           {binary, 0, "does not begin as such a file does"},
           {"lazuli tuned schedules 2\n" + good.substr(good.find('\n') + 1), 0, "does not begin as such a file does"},
           {"lazuli tuned schedules 1\nmachine 2\n" + good.substr(last_line), 0, "another machine or version"}}) {
    const auto [kept, logged] = with(d.text);
    EXPECT_EQ(kept, d.kept) << d.reason;
    EXPECT_THAT(logged, HasSubstr(d.reason));
  }
  EXPECT_EQ(with("").first, 0u);
  // What is damaged is written anew.
  write(file, binary);
  Table t(folder.path);
  t.table.insert("d", winner("d"));
  ASSERT_TRUE(t.table.save(nullptr));
  Table after(folder.path);
  EXPECT_EQ(after.table.entries().size(), 1u);
  EXPECT_EQ(after.logged, "");
  // No file at all.
  fs::remove(file);
  fs::create_directory(file);
  Table folder_instead(folder.path);
  EXPECT_TRUE(folder_instead.table.empty());
  EXPECT_THAT(folder_instead.logged, HasSubstr("it is no file of winners"));
}

TEST(TuningTable, WinnersThatTheRegionDoesNotAllowAreLeftOut) {
  const Folder folder;
  std::string key;
  const auto evaluated = [&](const std::function<void(TunedSchedule&)>& change) {
    {
      Runtime r(settings_of(folder));
      const NodeRef y = product(r, r.numbers({70, 300}, 1), r.numbers({300, 90}, 2));
      tune(r.context, {{y}}, {.seconds = 0.1, .again = true});
      auto [k, t] = *r.context.tuning().entries().begin();
      change(t);
      r.context.tuning().insert(k, t);
      EXPECT_TRUE(r.context.tuning().save(nullptr));
    }
    Runtime r(settings_of(folder));
    const NodeRef y = product(r, r.numbers({70, 300}, 1), r.numbers({300, 90}, 2));
    const EvalResult result = r.run({y}, profiled());
    expect_interpreted({y}, result);
    return std::pair(result.report.kernels.at(0).schedule, r.logged);
  };
  EXPECT_THAT(evaluated([](TunedSchedule&) {}).first, EndsWith(" tuned"));
  const auto [schedule, logged] = evaluated([](TunedSchedule& t) { t.knobs = "tile_rows=31 tile_vectors=8"; });
  EXPECT_THAT(schedule, Not(HasSubstr("tuned")));
  EXPECT_THAT(logged, HasSubstr("a tuned schedule of contract_dot_general is left out: row_tiles is missing"));
  const auto [other, said] = evaluated([](TunedSchedule& t) { t.over = "contract 128b x1"; });
  EXPECT_THAT(other, Not(HasSubstr("tuned")));
  EXPECT_THAT(said, HasSubstr("the cost model's choice is another one by now"));
}

TEST(TuningTable, ProcessesThatWriteAtOnceKeepAllWinners) {
  const Folder folder;
  constexpr int kProcesses = 4, kWinners = 12;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t child = fork();
    if (child == 0) {
      bool saved = true;
      TuningTable table(folder.path, "machine", {});
      for (int i = 0; i < kWinners; ++i) {
        table.insert(std::to_string(p) + "-" + std::to_string(i), winner("k"));
        saved = table.save(nullptr) && saved;
      }
      _exit(saved ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Table all(folder.path, "machine");
  EXPECT_EQ(all.table.entries().size(), static_cast<size_t>(kProcesses * kWinners));
  EXPECT_EQ(all.logged, "");
  size_t files = 0;
  for (const auto& entry : fs::directory_iterator(folder.path)) files += entry.path().extension() != ".lock";
  EXPECT_EQ(files, 1u);  // none that was begun is left
}

}  // namespace
}  // namespace lazuli::runtime
