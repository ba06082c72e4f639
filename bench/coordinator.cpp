#include "coordinator.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace bench {

ContestantProcess::ContestantProcess(std::string name, std::vector<std::string> command, const SharedFile& file,
                                     int threads)
    : name_(std::move(name)) {
  command.push_back(file.path());
  int requests[2], answers[2];
  if (pipe2(requests, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) throw std::runtime_error("no pipes");
  std::vector<char*> argv;
  for (std::string& word : command) argv.push_back(word.data());
  argv.push_back(nullptr);
  cpu_set_t before, pinned;
  sched_getaffinity(0, sizeof(before), &before);
  // The last processors of those we may use: interrupts tend to be served by the first.
  CPU_ZERO(&pinned);
  for (int cpu = CPU_SETSIZE - 1, left = threads; cpu >= 0 && left > 0; --cpu)
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &pinned);
      --left;
    }
  const std::string count = std::to_string(threads);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot start " + command[0]);
  if (pid_ == 0) {
    dup2(requests[0], STDIN_FILENO);
    dup2(answers[1], STDOUT_FILENO);
    sched_setaffinity(0, sizeof(pinned), &pinned);
    for (const char* variable : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "MKL_NUM_THREADS",
                                 "NUMEXPR_NUM_THREADS", "LAZULI_NUM_THREADS"})
      setenv(variable, count.c_str(), 1);
    setenv("PYTHONWARNINGS", "ignore", 1);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(requests[0]);
  close(answers[1]);
  to_ = requests[1];
  from_ = fdopen(answers[0], "r");
  version_ = ask("version");
}

ContestantProcess::~ContestantProcess() {
  close(to_);
  if (from_) std::fclose(from_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string ContestantProcess::ask(const std::string& request) {
  kill(pid_, SIGCONT);
  const std::string line = request + "\n";
  if (write(to_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
    throw std::runtime_error(name_ + " is gone");
  char* text = nullptr;
  size_t room = 0;
  const ssize_t length = getline(&text, &room, from_);
  const std::unique_ptr<char, void (*)(void*)> owner(text, std::free);
  if (length <= 0) throw std::runtime_error(name_ + " ended without an answer to: " + request);
  kill(pid_, SIGSTOP);
  const std::string answer(text, static_cast<size_t>(length - 1));
  if (answer.starts_with("error ")) throw std::runtime_error(name_ + ": " + answer.substr(6));
  return answer;
}

std::vector<std::string> ContestantProcess::prepare(const Job& job) {
  std::istringstream in(ask("prepare " + job.str()));
  std::string word;
  in >> word;
  std::vector<std::string> series;
  if (word == "ready")
    while (in >> word) series.push_back(word);
  return series;
}

void ContestantProcess::publish(const std::string& series) {
  ask("publish " + series);
}

ContestantProcess::Run ContestantProcess::run(const std::string& series, int64_t turn, int64_t repeats) {
  std::istringstream in(ask("run " + series + " " + std::to_string(turn) + " " + std::to_string(repeats)));
  Run run;
  if (!(in >> run.nanoseconds)) throw std::runtime_error(name_ + ": no time for " + series);
  for (std::string word; in >> word;)
    if (const size_t at = word.find('='); at != std::string::npos)
      run.facts[word.substr(0, at)] = std::stod(word.substr(at + 1));
  return run;
}

void ContestantProcess::forget() {
  ask("forget");
}

}  // namespace bench
