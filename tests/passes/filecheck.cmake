# cmake -DOPT=<lazuli-opt> -DFILECHECK=<FileCheck> -DFILE=<file> -P filecheck.cmake
# Runs lazuli-opt with the arguments of the file's first line ("// RUN: ...") and checks its output with the file.
file(STRINGS ${FILE} first LIMIT_COUNT 1)
if(NOT first MATCHES "^// RUN: (.*)$")
  message(FATAL_ERROR "${FILE} does not begin with \"// RUN: <arguments of lazuli-opt>\"")
endif()
separate_arguments(arguments UNIX_COMMAND "${CMAKE_MATCH_1}")
execute_process(COMMAND ${OPT} ${FILE} --split ${arguments} RESULT_VARIABLE failed OUTPUT_VARIABLE output
                ERROR_VARIABLE error)
if(failed)
  message(FATAL_ERROR "lazuli-opt failed (${failed}):\n${output}${error}")
endif()
set(output_file ${CMAKE_CURRENT_BINARY_DIR}/filecheck-output)
string(MD5 unique ${FILE})
file(WRITE ${output_file}-${unique} "${output}")
execute_process(COMMAND ${FILECHECK} --input-file=${output_file}-${unique} ${FILE} RESULT_VARIABLE failed
                ERROR_VARIABLE error)
file(REMOVE ${output_file}-${unique})
if(failed)
  message(FATAL_ERROR "${error}\noutput was:\n${output}")
endif()
