// Text -> graph (ir/text.h). One pass over the text, no recursion: the form does not nest.
#include <fmt/format.h>

#include <charconv>

#include "ir/scalar/function.h"
#include "ir/text.h"
#include "ir/text_attr.h"

namespace lazuli::ir {
namespace {

struct Place {
  size_t line = 1, column = 1;
};

struct Token {
  enum class Kind { Word, Name, Punct, End };  // add, float32, -1.5; %x; one of {}[],:=@; the end of the text
  Kind kind = Kind::End;
  std::string_view text;
  Place place;
  std::string shown() const { return kind == Kind::End ? "the end of the text" : fmt::format("\"{}\"", text); }
};

[[noreturn]] void fail(Place place, std::string_view message, std::string hint = {}) {
  throw Error(ErrorKind::Parse, fmt::format("{}:{}: {}", place.line, place.column, message), std::move(hint));
}

/// Cuts the text into tokens and holds one of them.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { advance(); }
  const Token& peek() const { return token_; }
  Token take() {
    Token t = token_;
    advance();
    return t;
  }

 private:
  static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '+' || c == '-';
  }
  void step() {
    if (text_[at_] == '\n') {
      ++place_.line;
      place_.column = 1;
    } else {
      ++place_.column;
    }
    ++at_;
  }
  void skip_blank() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        step();
      } else if (c == '/' && at_ + 1 < text_.size() && text_[at_ + 1] == '/') {
        while (at_ < text_.size() && text_[at_] != '\n') step();
      } else {
        return;
      }
    }
  }
  void advance() {
    skip_blank();
    token_ = {Token::Kind::End, {}, place_};
    if (at_ == text_.size()) return;
    const size_t begin = at_;
    const char c = text_[at_];
    if (is_word(c) || c == '%') {
      token_.kind = c == '%' ? Token::Kind::Name : Token::Kind::Word;
      do step();
      while (at_ < text_.size() && is_word(text_[at_]));
      token_.text = text_.substr(begin, at_ - begin);
      if (token_.text == "%") fail(token_.place, "\"%\" is not followed by a name");
    } else if (std::string_view("{}[],:=@").find(c) != std::string_view::npos) {
      token_.kind = Token::Kind::Punct;
      token_.text = text_.substr(begin, 1);
      step();
    } else {
      fail(place_, c >= ' ' && c <= '~' ? fmt::format("unexpected character \"{}\"", c)
                                        : fmt::format("unexpected byte {:#04x}", static_cast<unsigned char>(c)));
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  Place place_;
  Token token_;
};

class Parser {
 public:
  Parser(std::string_view text, Interner& interner) : lexer_(text), interner_(interner) {}

  Graph run() {
    expect_word("graph");
    expect("{");
    while (lexer_.peek().kind == Token::Kind::Name) statement();
    if (lexer_.peek().text != "return")
      fail(lexer_.peek().place, fmt::format("expected a node or \"return\", not {}", lexer_.peek().shown()));
    lexer_.take();
    Graph g;
    if (lexer_.peek().kind == Token::Kind::Name) {
      do g.outputs.push_back(operand());
      while (accept(","));
    }
    expect("}");
    if (lexer_.peek().kind != Token::Kind::End)
      fail(lexer_.peek().place, fmt::format("{} after the graph", lexer_.peek().shown()));
    return g;
  }

 private:
  // %name = op [literal] [operands] [{attributes}] : type [@device]
  void statement() {
    const Token result = lexer_.take();
    if (nodes_.count(result.text)) fail(result.place, fmt::format("{} is defined twice", result.text));
    expect("=");
    const Token op_token = word("an op");
    NodeSpec spec{};
    if (!find_op(op_token.text, &spec.op)) fail(op_token.place, fmt::format("there is no op \"{}\"", op_token.text));
    Token literal;
    if (spec.op == Op::constant) literal = word("a value");
    if (lexer_.peek().kind == Token::Kind::Name) {
      do spec.inputs.push_back(operand().get());
      while (accept(","));
    }
    attributes(spec);
    expect(":");
    const Place type_place = lexer_.peek().place;
    spec.dtype = dtype();
    spec.shape = list("size");
    spec.device = spec.inputs.empty() ? kCPU : spec.inputs[0]->device();
    if (accept("@")) spec.device = device();
    if (spec.op == Op::constant) {
      uint64_t bits = 0;
      if (!scalar::parse_literal(spec.dtype, literal.text, &bits))
        fail(literal.place, fmt::format("\"{}\" is not a value of {}", literal.text, name(spec.dtype)));
      spec.attr = ConstantAttr{bits};
    }
    if (spec.op == Op::data || spec.op == Op::argument || spec.op == Op::variable || spec.op == Op::barrier)
      spec.attr = LeafAttr{interner_.next_leaf_id()};

    const DType dtype = spec.dtype;
    const Shape shape = spec.shape;
    const Device device = spec.device;
    NodeRef node = make(std::move(spec), op_token.place);
    if (node->dtype() != dtype || node->shape() != shape)
      fail(type_place, fmt::format("{} gives {}{}, not {}{}", op_token.text, name(node->dtype()), str(node->shape()),
                                   name(dtype), str(shape)));
    if (node->device() != device)
      fail(type_place, fmt::format("{} is on {}, not {}", op_token.text, node->device().str(), device.str()));
    nodes_.emplace(result.text, std::move(node));
  }

  NodeRef make(NodeSpec spec, Place place) {
    try {
      return interner_.make(std::move(spec));
    } catch (const Error& e) {
      fail(place, e.message(), e.hint());
    }
  }

  void attributes(NodeSpec& spec) {
    const std::span<const AttrField> fields = attr_fields(spec.op);
    if (fields.empty()) {
      if (lexer_.peek().text == "{") fail(lexer_.peek().place, fmt::format("{} has no attributes", name(spec.op)));
      return;
    }
    std::vector<Dims> lists(fields.size());
    double number = 0;
    expect("{");
    for (size_t i = 0; i < fields.size(); ++i) {
      if (i != 0) expect(",");
      expect_word(fields[i].key);
      expect("=");
      switch (fields[i].kind) {
        case AttrField::Kind::List:
          lists[i] = list(fields[i].key);
          break;
        case AttrField::Kind::One:
        case AttrField::Kind::Result:
          lists[i] = {integer(fields[i].key)};
          break;
        case AttrField::Kind::Number:
          number = real(fields[i].key);
          break;
      }
    }
    expect("}");
    spec.attr = make_attr(spec.op, lists, number);
  }

  NodeRef operand() {
    const Token t = lexer_.take();
    if (t.kind != Token::Kind::Name) fail(t.place, fmt::format("expected a node such as %0, not {}", t.shown()));
    const auto it = nodes_.find(t.text);
    if (it == nodes_.end()) fail(t.place, fmt::format("{} is not defined before its use", t.text));
    return it->second;
  }

  DType dtype() {
    const Token t = word("an element type");
    for (int i = 0; i <= static_cast<int>(DType::Float8E5M2); ++i)
      if (name(static_cast<DType>(i)) == t.text) {
        if (!is_supported(static_cast<DType>(i)))
          fail(t.place, fmt::format("element type {} is not supported", t.text));
        return static_cast<DType>(i);
      }
    fail(t.place, fmt::format("there is no element type \"{}\"", t.text));
  }

  Device device() {
    const Token t = word("a device");
    std::string text(t.text);
    if (lexer_.peek().text == ":") {
      lexer_.take();
      text += ":" + std::string(word("a device number").text);
    }
    try {
      return Device(std::string_view(text));
    } catch (const Error& e) {
      fail(t.place, e.message(), e.hint());
    }
  }

  Dims list(std::string_view what) {
    Dims values;
    expect("[");
    if (accept("]")) return values;
    do values.push_back(integer(what));
    while (accept(","));
    expect("]");
    return values;
  }

  int64_t integer(std::string_view what) {
    const Token t = word("an integer");
    int64_t v = 0;
    const auto [end, code] = std::from_chars(t.text.data(), t.text.data() + t.text.size(), v);
    if (code == std::errc::result_out_of_range) fail(t.place, fmt::format("{} {} does not fit 64 bits", what, t.text));
    if (code != std::errc() || end != t.text.data() + t.text.size())
      fail(t.place, fmt::format("expected an integer, not {}", t.shown()));
    return v;
  }

  double real(std::string_view what) {
    const Token t = word("a number");
    double v = 0;
    const auto [end, code] = std::from_chars(t.text.data(), t.text.data() + t.text.size(), v);
    if (code == std::errc::result_out_of_range) fail(t.place, fmt::format("{} {} is out of range", what, t.text));
    if (code != std::errc() || end != t.text.data() + t.text.size())
      fail(t.place, fmt::format("expected a number, not {}", t.shown()));
    return v;
  }

  Token word(std::string_view what) {
    if (lexer_.peek().kind != Token::Kind::Word)
      fail(lexer_.peek().place, fmt::format("expected {}, not {}", what, lexer_.peek().shown()));
    return lexer_.take();
  }
  void expect_word(std::string_view text) {
    if (lexer_.peek().kind != Token::Kind::Word || lexer_.peek().text != text) unexpected(text);
    lexer_.take();
  }
  void expect(std::string_view punct) {
    if (!accept(punct)) unexpected(punct);
  }
  bool accept(std::string_view punct) {
    if (lexer_.peek().kind != Token::Kind::Punct || lexer_.peek().text != punct) return false;
    lexer_.take();
    return true;
  }
  [[noreturn]] void unexpected(std::string_view wanted) {
    fail(lexer_.peek().place, fmt::format("expected \"{}\", not {}", wanted, lexer_.peek().shown()));
  }

  Lexer lexer_;
  Interner& interner_;
  std::unordered_map<std::string_view, NodeRef> nodes_;
};

}  // namespace

Graph parse(std::string_view text, Interner& interner) {
  return Parser(text, interner).run();
}

}  // namespace lazuli::ir
