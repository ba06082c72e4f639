# Finds an LLVM that Lazuli is written for: 19 preferred, 20 and 18 accepted, nothing else.
# LLVM_DIR (the folder of LLVMConfig.cmake) decides when it is given.
# Sets LAZULI_LLVM_LIBS (static component libraries) and LAZULI_LLVM_MAJOR, LLVM_INCLUDE_DIRS, LLVM_DEFINITIONS.
set(lazuli_llvm_hint "install it (Debian: scripts/install-deps.sh, or apt-get install llvm-19-dev libzstd-dev zlib1g-dev \
libxml2-dev) or point LLVM_DIR at the folder that holds its LLVMConfig.cmake, for example \
-DLLVM_DIR=/usr/lib/llvm-19/lib/cmake/llvm")

if(LLVM_DIR)
  find_package(LLVM QUIET CONFIG)
  if(NOT LLVM_FOUND)
    message(FATAL_ERROR "LLVM_DIR=${LLVM_DIR} holds no usable LLVMConfig.cmake: ${LLVM_NOT_FOUND_MESSAGE}\n"
                        "${lazuli_llvm_hint}")
  endif()
else()
  foreach(major 19 20 18)
    # LLVM calls its releases N.1, compatible within N.1 only; the folders are where Debian, Homebrew and others put it.
    find_package(LLVM ${major}.1 QUIET CONFIG PATHS /usr/lib/llvm-${major} /usr/local/opt/llvm@${major}
                 /opt/llvm-${major})
    if(LLVM_FOUND)
      break()
    endif()
  endforeach()
  if(NOT LLVM_FOUND)
    message(FATAL_ERROR "Lazuli needs LLVM 19 (18 to 20 work) and found none: ${lazuli_llvm_hint}")
  endif()
endif()

set(LAZULI_LLVM_MAJOR ${LLVM_VERSION_MAJOR})
if(LAZULI_LLVM_MAJOR LESS 18 OR LAZULI_LLVM_MAJOR GREATER 20)
  message(FATAL_ERROR "Lazuli needs LLVM 18 to 20, ${LLVM_DIR} is LLVM ${LLVM_PACKAGE_VERSION}: ${lazuli_llvm_hint}")
endif()
if(NOT "X86" IN_LIST LLVM_TARGETS_TO_BUILD)
  message(FATAL_ERROR "LLVM ${LLVM_PACKAGE_VERSION} in ${LLVM_DIR} was built without the X86 target")
endif()
llvm_map_components_to_libnames(LAZULI_LLVM_LIBS core support targetparser mc object orcjit jitlink
                                x86codegen x86desc x86info)
foreach(lib ${LAZULI_LLVM_LIBS})
  if(NOT TARGET ${lib})
    message(FATAL_ERROR "LLVM ${LLVM_PACKAGE_VERSION} in ${LLVM_DIR} lacks the static library ${lib}: ${lazuli_llvm_hint}")
  endif()
endforeach()
separate_arguments(LLVM_DEFINITIONS NATIVE_COMMAND "${LLVM_DEFINITIONS}")

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LazuliLLVM REQUIRED_VARS LLVM_DIR LAZULI_LLVM_LIBS
                                  VERSION_VAR LLVM_PACKAGE_VERSION)
