# Writes version.cc, if it changes: cmake -D source=DIR -D release=0.1.0 -D git=PROGRAM -D output=FILE -P version.cmake
set(commit "")
if(git)
  execute_process(COMMAND ${git} -C ${source} rev-parse --show-toplevel OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  file(REAL_PATH ${source} source)
  if(top STREQUAL source)  # and no repository around the sources
    execute_process(COMMAND ${git} -C ${source} describe --always --dirty --abbrev=7 --exclude=*
      OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
if(commit)
  string(PREPEND commit "+")
endif()
configure_file(${source}/launch/version.cc.in ${output} @ONLY)
