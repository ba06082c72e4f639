#include "coordinator.h"

#include <fcntl.h>
#include <poll.h>
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
    : name_(std::move(name)), command_(std::move(command)), threads_(threads) {
  command_.push_back(file.path());
  start();
  version_ = ask("version");
}

void ContestantProcess::start() {
  int requests[2], answers[2];
  if (pipe2(requests, O_CLOEXEC) != 0 || pipe2(answers, O_CLOEXEC) != 0) throw std::runtime_error("no pipes");
  std::vector<char*> argv;
  for (std::string& word : command_) argv.push_back(word.data());
  argv.push_back(nullptr);
  cpu_set_t before, pinned;
  sched_getaffinity(0, sizeof(before), &before);
  // The last processors of those we may use: interrupts tend to be served by the first.
  CPU_ZERO(&pinned);
  for (int cpu = CPU_SETSIZE - 1, left = threads_; cpu >= 0 && left > 0; --cpu)
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &pinned);
      --left;
    }
  const std::string count = std::to_string(threads_);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("cannot start " + command_[0]);
  if (pid_ == 0) {
    dup2(requests[0], STDIN_FILENO);
    dup2(answers[1], STDOUT_FILENO);
    sched_setaffinity(0, sizeof(pinned), &pinned);
    for (const char* variable : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS", "MKL_NUM_THREADS",
                                 "NUMEXPR_NUM_THREADS", "LAZULI_NUM_THREADS"})
      setenv(variable, count.c_str(), 1);
    setenv("PYTHONWARNINGS", "ignore", 1);
    setenv("LAZULI_TUNED", "0", 0);  // figures are the cost model's, unless the caller wants those of tuned schedules
    execvp(argv[0], argv.data());
    _exit(127);
  }
  close(requests[0]);
  close(answers[1]);
  to_ = requests[1];
  from_ = fdopen(answers[0], "r");
}

void ContestantProcess::end() {
  close(to_);
  std::fclose(from_);
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

ContestantProcess::~ContestantProcess() {
  end();
}

std::string ContestantProcess::ask(const std::string& request) {
  kill(pid_, SIGCONT);
  const std::string line = request + "\n";
  const bool asked = write(to_, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  pollfd answer_of{.fd = fileno(from_), .events = POLLIN, .revents = 0};
  const bool in_time = asked && poll(&answer_of, 1, kPatience * 1000) != 0;
  char* text = nullptr;
  size_t room = 0;
  const ssize_t length = in_time ? getline(&text, &room, from_) : 0;
  const std::unique_ptr<char, void (*)(void*)> owner(text, std::free);
  if (length <= 0) {
    end();
    start();
    throw std::runtime_error(name_ + (in_time || !asked ? " ended" : " took too long") +
                             " without an answer to: " + request.substr(0, request.find(" threads=")));
  }
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

ContestantProcess::Run ContestantProcess::run(const std::string& series, int64_t turn, int64_t untimed,
                                              int64_t repeats) {
  std::istringstream in(ask("run " + series + " " + std::to_string(turn) + " " + std::to_string(untimed) + " " +
                            std::to_string(repeats)));
  Run run;
  if (!(in >> run.nanoseconds)) throw std::runtime_error(name_ + ": no time for " + series);
  for (std::string word; in >> word;)
    if (const size_t at = word.find('='); at != std::string::npos)
      run.facts[word.substr(0, at)] = std::stod(word.substr(at + 1));
  return run;
}

void ContestantProcess::forget() {
  try {
    ask("forget");
  } catch (const std::runtime_error&) {
    // It starts anew with nothing to forget.
  }
}

}  // namespace bench
