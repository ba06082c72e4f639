// Writes what a generator makes, so that what depends on it is built again only when it says something new.
#pragma once
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace lazuli {

/// Throws std::runtime_error when the file cannot be written.
inline void write_if_changed(const std::string& path, const std::string& text) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream old;
  old << in.rdbuf();
  if (in && old.str() == text) return;
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path);
}

}  // namespace lazuli
