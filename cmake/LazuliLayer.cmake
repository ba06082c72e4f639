# lazuli_layer(<name> SOURCES <files> [DEPENDS <layers>] [PRECOMPILED <header>]): a static library with the flags every layer shares.
# A layer without sources yet is an interface library, so that the others still configure and link.
function(lazuli_flags target)
  target_compile_features(${target} PUBLIC cxx_std_20)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON
                        VISIBILITY_INLINES_HIDDEN ON)
  # Results do not depend on the compiler's taste for fused multiply-add.
  target_compile_options(${target} PRIVATE -ffp-contract=off -fno-semantic-interposition -ffunction-sections
                         -fdata-sections)
  # Programs keep only what they use of LLVM and of the libraries that LLVM names.
  target_link_options(${target} PRIVATE LINKER:--as-needed LINKER:--gc-sections)
  lazuli_warnings(${target})
endfunction()

function(lazuli_warnings target)
  # gcc 12 sees overlaps and overflows inside its own std::string at -O2 and above that are not there (PR 105651), and
  # at -O3 reads of the alternatives that a variant does not hold.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds
                           $<$<CONFIG:Release>:-Wno-maybe-uninitialized>)
  endif()
  # libstdc++ 12 uses what C++17 deprecated (std::stable_sort), and clang 19 blames the caller.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wnon-virtual-dtor -Woverloaded-virtual
                         "$<$<CXX_COMPILER_ID:Clang>:-Wextra-semi;-Wno-deprecated-declarations>")
  if(LAZULI_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()

function(lazuli_layer name)
  cmake_parse_arguments(arg "" "PRECOMPILED" "SOURCES;DEPENDS" ${ARGN})
  if(NOT arg_PRECOMPILED)
    set(arg_PRECOMPILED ${PROJECT_SOURCE_DIR}/cmake/precompiled.h)
  endif()
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    set(scope PUBLIC)
    lazuli_flags(${name})
    lazuli_precompile(${name} ${arg_PRECOMPILED})
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope} ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/frontend/include
                             ${LAZULI_GENERATED_INCLUDE})
  target_link_libraries(${name} ${scope} ${arg_DEPENDS} fmt::fmt Threads::Threads)
  set_property(GLOBAL APPEND PROPERTY LAZULI_LAYERS ${name})
endfunction()

# The first target to come with a header compiles it, the others reuse the result: all have the same flags.
function(lazuli_precompile target header)
  get_property(first GLOBAL PROPERTY LAZULI_PRECOMPILED_${header})
  if(first)
    target_precompile_headers(${target} REUSE_FROM ${first})
  else()
    target_precompile_headers(${target} PRIVATE ${header})
    set_property(GLOBAL PROPERTY LAZULI_PRECOMPILED_${header} ${target})
  endif()
endfunction()
