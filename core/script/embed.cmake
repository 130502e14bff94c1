# mcr_embed(OUTPUT out.c [TABLE name] [ROOT folder] FILES file…) writes a C file with the text of the
# files, made again when one of them changes. It defines a table as core/script/embedded.h declares
# them: name, text and length, ending with a NULL name; it is called mcr_embedded_files when TABLE does
# not say. A file below ROOT (default: lua/, so that it is named as `require` looks for it,
# "mooncrier/event.lua") is named by its path from there, any other by its last part ("event_abi.h").
# Paths are absolute or relative to the calling CMakeLists.txt. Put the output among the sources of a
# target of the same folder.
#
# The same file is what the build runs: cmake -DOUTPUT=out.c -DTABLE=name -DROOT=lua -DFILES=a|b -P
# embed.cmake

if(CMAKE_SCRIPT_MODE_FILE)
  string(REPLACE "|" ";" files "${FILES}")
  set(texts "")
  set(table "")
  set(n 0)
  foreach(file ${files})
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
    string(REPEAT "'[^']+'," 16 row)
    string(REGEX REPLACE "(${row})" "\\1\n    " bytes "${bytes}")
    file(SIZE "${file}" len)
    file(RELATIVE_PATH name "${ROOT}" "${file}")
    if(name MATCHES "^\\.\\.")
      get_filename_component(name "${file}" NAME)
    endif()
    string(APPEND texts "static const char text_${n}[] = {\n    ${bytes}0\n};\n\n")
    string(APPEND table "    {\"${name}\", text_${n}, ${len}},\n")
    math(EXPR n "${n} + 1")
  endforeach()
  file(WRITE "${OUTPUT}" "// Written by core/script/embed.cmake.\n"
       "#include \"script/embedded.h\"\n\n${texts}"
       "const mcr_embedded ${TABLE}[] = {\n${table}    {NULL, NULL, 0},\n};\n")
  return()
endif()

function(mcr_embed)
  cmake_parse_arguments(EMBED "" "OUTPUT;TABLE;ROOT" "FILES" ${ARGN})
  if(NOT EMBED_TABLE)
    set(EMBED_TABLE mcr_embedded_files)
  endif()
  if(NOT EMBED_ROOT)
    set(EMBED_ROOT "${PROJECT_SOURCE_DIR}/lua")
  endif()
  get_filename_component(output "${EMBED_OUTPUT}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
  set(files "")
  foreach(file ${EMBED_FILES})
    get_filename_component(file "${file}" ABSOLUTE)
    list(APPEND files "${file}")
  endforeach()
  string(REPLACE ";" "|" joined "${files}")
  add_custom_command(
    OUTPUT "${output}"
    COMMAND "${CMAKE_COMMAND}" "-DOUTPUT=${output}" "-DTABLE=${EMBED_TABLE}" "-DROOT=${EMBED_ROOT}"
            "-DFILES=${joined}" -P "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
    DEPENDS ${files} "${CMAKE_CURRENT_FUNCTION_LIST_FILE}"
    COMMENT "Embedding ${EMBED_TABLE}"
    VERBATIM)
endfunction()
