# One interface target carries how all our C is compiled. Third-party C (llhttp) does not get the warnings.
include(CheckCCompilerFlag)
add_library(roomkey_compile INTERFACE)

target_compile_definitions(roomkey_compile INTERFACE _GNU_SOURCE)
target_compile_options(roomkey_compile INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wcast-qual -Wcast-align -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef -Wvla
  -Wswitch-enum -Wnull-dereference -Wimplicit-fallthrough -Wredundant-decls
  -fno-delete-null-pointer-checks -fno-strict-overflow)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  target_compile_options(roomkey_compile INTERFACE -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Walloca)
endif()
if(ROOMKEY_DEV)
  target_compile_options(roomkey_compile INTERFACE -Werror)
endif()

if(ROOMKEY_SANITIZE)
  target_compile_options(roomkey_compile INTERFACE -fsanitize=${ROOMKEY_SANITIZE} -fno-omit-frame-pointer -g)
  target_link_options(roomkey_compile INTERFACE -fsanitize=${ROOMKEY_SANITIZE})
elseif(NOT ROOMKEY_COVERAGE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(roomkey_compile INTERFACE
    -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection)
  check_c_compiler_flag(-fcf-protection RK_HAS_CF_PROTECTION)
  if(RK_HAS_CF_PROTECTION)
    target_compile_options(roomkey_compile INTERFACE -fcf-protection)
  endif()
  check_c_compiler_flag(-ftrivial-auto-var-init=zero RK_HAS_AUTO_INIT)
  if(RK_HAS_AUTO_INIT)
    target_compile_options(roomkey_compile INTERFACE -ftrivial-auto-var-init=zero)
  endif()
endif()
target_link_options(roomkey_compile INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
if(ROOMKEY_COVERAGE)
  target_compile_options(roomkey_compile INTERFACE --coverage -O0 -g)
  target_link_options(roomkey_compile INTERFACE --coverage)
endif()

# rk_room(NAME SOURCES ... LIBS ...): a room of the house as a static library rkroom_NAME.
function(rk_room name)
  cmake_parse_arguments(R "" "" "SOURCES;LIBS" ${ARGN})
  add_library(rkroom_${name} STATIC ${R_SOURCES})
  target_include_directories(rkroom_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(rkroom_${name} PUBLIC ${R_LIBS} PRIVATE roomkey_compile)
endfunction()
