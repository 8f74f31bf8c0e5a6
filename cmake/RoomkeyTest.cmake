# rk_unit_test(NAME SOURCES ... LIBS ... [THREADED]): one cmocka program a module.
# THREADED gives it the ctest label "tsan"; the tsan preset runs those.
if(ROOMKEY_DEV)
  pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
function(rk_unit_test name)
  cmake_parse_arguments(T "THREADED" "" "SOURCES;LIBS" ${ARGN})
  add_executable(test_${name} ${T_SOURCES})
  target_include_directories(test_${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support ${PROJECT_SOURCE_DIR}/src
                             ${PROJECT_SOURCE_DIR}/include)
  target_compile_definitions(test_${name} PRIVATE RK_TEST_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(test_${name} PRIVATE ${T_LIBS} PkgConfig::CMOCKA Threads::Threads roomkey_compile)
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 600 LABELS unit)
  if(T_THREADED)
    set_tests_properties(${name} PROPERTIES LABELS "unit;tsan")
  endif()
endfunction()
