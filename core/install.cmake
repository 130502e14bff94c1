# What `cmake --install` puts where. Below /usr these are the places Debian uses; the Lua folders are
# those where its LuaJIT looks.

set(lua_shared "${CMAKE_INSTALL_DATADIR}/lua/5.1")
set(lua_loadable "${CMAKE_INSTALL_LIBDIR}/lua/5.1")

if(TARGET mooncrier)
  install(TARGETS mooncrier RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
endif()
if(TARGET mooncrier_library)
  install(TARGETS mooncrier_library LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
  install(FILES mooncrier.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
  # Relative, so that the prefix given at install time holds.
  file(RELATIVE_PATH pc_to_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
  configure_file(mooncrier.pc.in "${CMAKE_CURRENT_BINARY_DIR}/mooncrier.pc" @ONLY)
  install(FILES "${CMAKE_CURRENT_BINARY_DIR}/mooncrier.pc"
          DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endif()
if(TARGET mooncrier_lua)
  install(TARGETS mooncrier_lua LIBRARY DESTINATION "${lua_loadable}/mooncrier")
endif()
install(DIRECTORY "${PROJECT_SOURCE_DIR}/lua/mooncrier" DESTINATION "${lua_shared}"
        FILES_MATCHING PATTERN "*.lua")
install(DIRECTORY "${PROJECT_SOURCE_DIR}/lua/meta" DESTINATION
        "${CMAKE_INSTALL_DATADIR}/mooncrier" FILES_MATCHING PATTERN "*.lua")
# Specs stay in the source tree.
install(DIRECTORY "${PROJECT_SOURCE_DIR}/scripts" DESTINATION "${CMAKE_INSTALL_DATADIR}/mooncrier"
        FILES_MATCHING PATTERN "*.lua" PATTERN "*_spec.lua" EXCLUDE)
install(FILES cli/mooncrier.1 DESTINATION "${CMAKE_INSTALL_MANDIR}/man1")
install(FILES cli/mooncrier-lua.7 DESTINATION "${CMAKE_INSTALL_MANDIR}/man7")
install(FILES "${PROJECT_SOURCE_DIR}/README.md" "${PROJECT_SOURCE_DIR}/LICENSE"
              "${PROJECT_SOURCE_DIR}/CHANGELOG.md" DESTINATION "${CMAKE_INSTALL_DOCDIR}")
