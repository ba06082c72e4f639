# The product: liblazuli, made of the objects of every layer, with LLVM inside and out of sight.
get_property(layers GLOBAL PROPERTY LAZULI_LAYERS)
set(objects "")
foreach(layer ${layers})
  get_target_property(type ${layer} TYPE)
  if(type STREQUAL "STATIC_LIBRARY")
    list(APPEND objects $<TARGET_OBJECTS:${layer}>)
  endif()
endforeach()
if(NOT objects)
  return()
endif()
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
if(NOT LAZULI_STATIC)
  set(map ${PROJECT_SOURCE_DIR}/cmake/lazuli.map)
  target_link_options(lazuli PRIVATE LINKER:--version-script=${map} LINKER:--exclude-libs,ALL LINKER:--as-needed
                      LINKER:--gc-sections LINKER:-Bsymbolic-functions)
  set_target_properties(lazuli PROPERTIES LINK_DEPENDS ${map})
endif()
