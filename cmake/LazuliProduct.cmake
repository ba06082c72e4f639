# The product: liblazuli, made of the objects of every layer, with LLVM inside and out of sight.
get_property(layers GLOBAL PROPERTY LAZULI_LAYERS)
set(objects "")
foreach(layer ${layers})
  get_target_property(type ${layer} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(APPEND objects $<TARGET_OBJECTS:${layer}>)
  endif()
endforeach()
if(LAZULI_STATIC)
  add_library(lazuli STATIC ${objects})
else()
  add_library(lazuli SHARED ${objects})
endif()
add_library(lazuli::lazuli ALIAS lazuli)
set_target_properties(lazuli PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_compile_features(lazuli PUBLIC cxx_std_20)
target_include_directories(lazuli INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/frontend/include>
                           $<BUILD_INTERFACE:${LAZULI_GENERATED_INCLUDE}>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(lazuli PRIVATE ${LAZULI_LLVM_LIBS} fmt::fmt Threads::Threads ${CMAKE_DL_LIBS})
# Headers that are written during the build exist before anything that links the product compiles.
add_dependencies(lazuli ${layers})

# Version script. A name of an internal namespace starts with its length and spelling, so "any name but these" is
# "another first character" or "the same one and another second", and so on.
if(NOT LAZULI_STATIC)
  set(others "[!267]" "2[!i]" "2i[!r]" "6[!sp]" "6s[!c]" "6sc[!a]" "6p[!a]" "6pa[!s]" "7[!cr]" "7c[!o]" "7co[!d]"
      "7r[!u]" "7ru[!n]")
  set(exported "")
  foreach(prefix _ZN _ZN[KOR] _ZNK[OR] _ZT[VIST]N _ZGVN)
    foreach(other ${others})
      string(APPEND exported "    ${prefix}6lazuli${other}*;\n")
    endforeach()
  endforeach()
  set(map ${PROJECT_BINARY_DIR}/lazuli.map)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/lazuli.map.in ${map} @ONLY)
  target_link_options(lazuli PRIVATE LINKER:--version-script=${map} LINKER:--exclude-libs,ALL LINKER:--as-needed
                      LINKER:--gc-sections LINKER:-Bsymbolic-functions)
  if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")  # the program brings the sanitizer's names
    target_link_options(lazuli PRIVATE LINKER:-z,defs)
  endif()
  set_target_properties(lazuli PROPERTIES LINK_DEPENDS ${map})
endif()

if(LAZULI_INSTALL)
  include(CMakePackageConfigHelpers)
  set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/lazuli)
  install(TARGETS lazuli EXPORT lazuli-targets)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/frontend/include/ ${LAZULI_GENERATED_INCLUDE}/
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h" PATTERN "*.inc")
  install(EXPORT lazuli-targets NAMESPACE lazuli:: DESTINATION ${package_dir})
  configure_package_config_file(cmake/lazuli-config.cmake.in ${PROJECT_BINARY_DIR}/lazuli-config.cmake
                                INSTALL_DESTINATION ${package_dir})
  write_basic_package_version_file(${PROJECT_BINARY_DIR}/lazuli-config-version.cmake COMPATIBILITY SameMinorVersion)
  install(FILES ${PROJECT_BINARY_DIR}/lazuli-config.cmake ${PROJECT_BINARY_DIR}/lazuli-config-version.cmake
          DESTINATION ${package_dir})
endif()
