// The text form: round trips, and an error with line:column for everything that is not well formed.
#include "ir/text.h"

#include "ir/verify.h"
#include "tests/ir/build.h"

namespace lazuli::ir {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Text, PrintsOneLinePerNode) {
  Interner in;
  const NodeRef x = testing::data(in, kFloat32, {2, 3});
  const NodeRef half = testing::shaped(in, Op::expand, testing::constant(in, 0.5f), {2, 3});
  const NodeRef y = testing::unary(in, Op::sum, testing::binary(in, Op::add, x, half), AxesAttr{{1}});
  EXPECT_EQ(print({{y, x}}),
            "graph {\n"
            "  %0 = data : float32[2, 3] @cpu\n"
            "  %1 = constant 0.5 : float32[]\n"
            "  %2 = expand %1 : float32[2, 3]\n"
            "  %3 = add %0, %2 : float32[2, 3]\n"
            "  %4 = sum %3 {axes = [1]} : float32[2]\n"
            "  return %4, %0\n"
            "}\n");
}

TEST(Text, LocationsAreCommentsOnRequest) {
  Interner in;
  const auto here = Location::current();
  const NodeRef x = in.make({.op = Op::data, .attr = LeafAttr{1}, .shape = {2}, .origin = here});
  const std::string text = print({{x}}, {.locations = true});
  EXPECT_THAT(text, HasSubstr("  // loc(\"" + std::string(here.file_name()) + "\":" + std::to_string(here.line())));
  EXPECT_TRUE(same_structure(parse(text, in), {{x}}));
}

// Every line of these is printed exactly as it is written.
const char* const kRoundTrips[] = {
    "graph {\n  return\n}\n",
    "graph {\n  %0 = argument : int64[] @cpu\n  return %0\n}\n",
    "graph {\n  %0 = data : float16[0, 3] @cuda:1\n  %1 = neg %0 : float16[0, 3]\n  return %1, %1, %0\n}\n",
    "graph {\n  %0 = constant -0 : float32[]\n  %1 = constant -42 : int64[]\n  return %0, %1\n}\n",
    "graph {\n  %0 = iota {axis = 1} : int64[2, 9223372036854775]\n  return %0\n}\n",
    "graph {\n  %0 = iota {axis = 0} : float32[4] @cuda:0\n  return %0\n}\n",
    "graph {\n"
    "  %0 = argument : int64[] @cpu\n"
    "  %1 = argument : int64[] @cpu\n"
    "  %2 = random_bits %0, %1 : int32[5, 7]\n"
    "  %3 = permute %2 {axes = [1, 0]} : int32[7, 5]\n"
    "  %4 = flip %3 {axes = [0, 1]} : int32[7, 5]\n"
    "  %5 = slice %4 {start = [1, 0], step = [2, 1]} : int32[3, 5]\n"
    "  %6 = constant 3 : int32[]\n"
    "  %7 = pad %5, %6 {low = [0, 1], high = [2, 0]} : int32[5, 6]\n"
    "  %8 = reshape %7 : int32[30]\n"
    "  %9 = concat %8, %8, %8 {axis = 0} : int32[90]\n"
    "  %10 = slice_update %9, %8 {start = [3], step = [2]} : int32[90]\n"
    "  %11 = argmax %10 {axes = [0]} : int64[]\n"
    "  %12 = cast %2 : bool[5, 7]\n"
    "  %13 = all %12 {axes = [0, 1]} : bool[]\n"
    "  %14 = reduce_min %7 {axes = []} : int32[5, 6]\n"
    "  return %11, %13, %14\n}\n",
    "graph {\n"
    "  %0 = data : float32[8, 4, 5] @cpu\n"
    "  %1 = data : float32[8, 5, 6] @cpu\n"
    "  %2 = dot_general %0, %1 {lhs_batch = [0], rhs_batch = [0], lhs_contract = [2], rhs_contract = [1]} : "
    "float32[8, 4, 6]\n"
    "  %3 = mean %2 {axes = [0, 2]} : float32[4]\n"
    "  %4 = var %2 {axes = [2], correction = 1} : float32[8, 4]\n"
    "  %5 = logsumexp %2 {axes = [1]} : float32[8, 6]\n"
    "  %6 = softmax %2 {axis = 2} : float32[8, 4, 6]\n"
    "  %7 = log_softmax %6 {axis = 0} : float32[8, 4, 6]\n"
    "  %8 = data : float32[4, 6] @cpu\n"
    "  %9 = layer_norm %7, %8, %8 {axes = [1, 2], epsilon = 1e-05} : float32[8, 4, 6]\n"
    "  return %3, %4, %5, %9\n}\n",
};

TEST(Text, RoundTrips) {
  for (const char* text : kRoundTrips) {
    Interner in;
    const Graph g = parse(text, in);
    EXPECT_EQ(print(g), text);
    EXPECT_TRUE(same_structure(parse(print(g), in), g)) << text;
    verify(g);
  }
}

TEST(Text, ReadsCommentsAnyNamesAndAnySpacing) {
  Interner in;
  const Graph g = parse(
      "// a comment\ngraph{%x=data:float32[2]@cpu %y_1=neg %x:float32[ 2 ]// another\n"
      "%y_1b = neg %y_1 : float32[2]\treturn %y_1b}// end",
      in);
  EXPECT_EQ(print(g),
            "graph {\n  %0 = data : float32[2] @cpu\n  %1 = neg %0 : float32[2]\n  %2 = neg %1 : float32[2]\n"
            "  return %2\n}\n");
}

struct BadText {
  const char* text;
  const char* message;
};

const BadText kBad[] = {
    {"", "1:1: expected \"graph\", not the end of the text"},
    {"graph", "1:6: expected \"{\", not the end of the text"},
    {"graf {", "1:1: expected \"graph\", not \"graf\""},
    {"graph {\n  %0", "2:5: expected \"=\", not the end of the text"},
    {"graph {\n  %0 = data", "2:12: expected \":\", not the end of the text"},
    {"graph {\n  %0 = data : float32", "2:22: expected \"[\", not the end of the text"},
    {"graph {\n  %0 = data : float32[2", "2:24: expected \"]\", not the end of the text"},
    {"graph {\n  %0 = data : float32[2,", "2:25: expected an integer, not the end of the text"},
    {"graph {\n  %0 = data : float32[2] @cuda:", "2:32: expected a device number, not the end of the text"},
    {"graph {\n  %0 = data : float32[2] @gpu\n  return %0\n}", "2:27: device \"gpu\" is not known"},
    {"graph {\n  %0 = data : float32[2] @cuda:999\n}", "2:27: device \"cuda:999\" is not known"},
    {"graph {\n  %0 = data : float32[2] @cpu\n}", "3:1: expected a node or \"return\", not \"}\""},
    {"graph {\n  return %0\n}", "2:10: %0 is not defined before its use"},
    {"graph {\n  return\n", "3:1: expected \"}\", not the end of the text"},
    {"graph {\n  return\n} graph", "3:3: \"graph\" after the graph"},
    {"graph {\n  %0 = data : float32[2] @cpu\n  return %0,\n}", "4:1: expected a node such as %0, not \"}\""},
    {"graph {\n  %0 = data : float32[2] @cpu\n  %0 = neg %0 : float32[2]\n}", "3:3: %0 is defined twice"},
    {"graph {\n  %0 = nonsense : float32[2]\n}", "2:8: there is no op \"nonsense\""},
    {"graph {\n  %0 = data : float33[2]\n}", "2:15: there is no element type \"float33\""},
    {"graph {\n  %0 = data : complex64[2]\n}", "2:15: element type complex64 is not supported"},
    {"graph {\n  %0 = data : float32[9223372036854775808]\n}", "2:23: size 9223372036854775808 does not fit 64 bits"},
    {"graph {\n  %0 = data : float32[9223372036854775807, 2]\n}",
     "2:8: data: float32[9223372036854775807, 2] has more"},
    {"graph {\n  %0 = data : float32[-1]\n}", "2:8: data: shape [-1] has a negative size"},
    {"graph {\n  %0 = data : float32[2.5]\n}", "2:23: expected an integer, not \"2.5\""},
    {"graph {\n  %0 = data {axis = 1} : float32[2]\n}", "2:13: data has no attributes"},
    {"graph {\n  %0 = constant 1x : float32[]\n}", "2:17: \"1x\" is not a value of float32"},
    {"graph {\n  %0 = constant : float32[]\n}", "2:17: expected a value, not \":\""},
    {"graph {\n  %0 = constant 1 : float32[3]\n}", "2:8: constant: is 0-d"},
    {"graph {\n  %0 = iota : int64[3]\n}", "2:13: expected \"{\", not \":\""},
    {"graph {\n  %0 = iota {axis = 3} : int64[3]\n}", "2:8: iota: axis 3 is not an axis of [3]"},
    {"graph {\n  %0 = iota {axes = [0]} : int64[3]\n}", "2:14: expected \"axis\", not \"axes\""},
    {"graph {\n  %0 = iota {axis = 0x} : int64[3]\n}", "2:21: expected an integer, not \"0x\""},
    {"graph {\n  %0 = data : float32[2] @cpu\n  %1 = add %0 : float32[2]\n}", "3:8: add: takes 2 operands, not 1"},
    {"graph {\n  %0 = data : float32[2] @cpu\n  %1 = neg %0 : float32[3]\n}",
     "3:17: neg gives float32[2], not float32[3]"},
    {"graph {\n  %0 = data : float32[2] @cpu\n  %1 = neg %0 : float64[2]\n}",
     "3:17: neg gives float32[2], not float64[2]"},
    {"graph {\n  %0 = data : float32[2] @cpu\n  %1 = neg %0 : float32[2] @cuda\n}", "3:17: neg is on cpu, not cuda:0"},
    {"graph {\n  %0 = data : float32[2] @cpu\n  %1 = add %0, : float32[2]\n}",
     "3:16: expected a node such as %0, not \":\""},
    {"graph {\n  %0 = data : float32[2] @cpu\n  %1 = var %0 {axes = [0], correction = 1e999} : float32[]\n}",
     "3:41: correction 1e999 is out of range"},
    {"graph {\n  %0 = data : float32[2] @cpu\n  %1 = var %0 {axes = [0], correction = nan} : float32[]\n}",
     "3:8: var: its number nan is not finite"},
    {"graph {\n  % = data", "2:3: \"%\" is not followed by a name"},
    {"graph {\n  $", "2:3: unexpected character \"$\""},
    {"graph {\n  /", "2:3: unexpected character \"/\""},
    {"graph {\n  \x01", "2:3: unexpected byte 0x01"},
    {"graph {\n  \xc3\xa4", "2:3: unexpected byte 0xc3"},
};

TEST(Text, MalformedTextIsAnErrorWithItsPlace) {
  for (const BadText& bad : kBad) {
    Interner in;
    try {
      parse(bad.text, in);
      ADD_FAILURE() << "no error for: " << bad.text;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::Parse);
      EXPECT_THAT(e.message(), StartsWith(bad.message)) << bad.text;
    }
    EXPECT_EQ(in.live_nodes(), 0u);
  }
}

TEST(Text, EveryTruncationIsAnError) {
  for (const char* text : kRoundTrips) {
    const std::string_view whole(text);
    for (size_t n = 0; n + 2 < whole.size(); ++n) {  // without the last "}\n"
      Interner in;
      EXPECT_THROW(parse(whole.substr(0, n), in), Error) << whole.substr(0, n);
    }
  }
}

TEST(Text, ChangedBytesNeverCrash) {
  uint64_t state = 1;
  for (const char* text : kRoundTrips) {
    for (int i = 0; i < 2000; ++i) {
      std::string changed = text;
      for (int k = 0; k < 3; ++k) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        changed[(state >> 33) % changed.size()] = static_cast<char>("%{}[],:=@-019azq \n\xff"[(state >> 24) % 20]);
      }
      Interner in;
      try {
        verify(parse(changed, in));
      } catch (const Error& e) {
        EXPECT_EQ(e.kind(), ErrorKind::Parse) << e.what();
      }
    }
  }
}

TEST(Text, GraphvizHasANodePerNodeAndAnEdgePerOperand) {
  Interner in;
  const NodeRef x = testing::data(in, kFloat32, {2});
  const std::string dot = print_dot({{testing::binary(in, Op::add, x, x)}});
  EXPECT_THAT(dot, HasSubstr("n0 [label=\"%0 = data : float32[2] @cpu\"];"));
  EXPECT_THAT(dot, HasSubstr("n1 [label=\"%1 = add %0, %0 : float32[2]\", peripheries=2];"));
  EXPECT_THAT(dot, HasSubstr("n0 -> n1;\n  n0 -> n1;"));
}

}  // namespace
}  // namespace lazuli::ir
