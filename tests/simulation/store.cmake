# poetry-sync's store and worker in a world of faults. Its fibers are none that a sanitizer knows.
if(POETRY_SANITIZE)
  return()
endif()
add_executable(
  simulate-store
  simulation/store_checks.cpp
  simulation/store_database.cpp
  simulation/store_faults.cpp
  simulation/store_feed.cpp
  simulation/store_main.cpp
  simulation/store_postgres.cpp
  simulation/store_reader.cpp
  simulation/store_run.cpp
  simulation/store_scenarios.cpp
  simulation/store_server.cpp
  simulation/store_sqlite.cpp
  simulation/store_worker.cpp
  simulation/store_world.cpp)
# Behind its macros nothing else may be compiled.
set_source_files_properties(simulation/store_worker.cpp PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
set_source_files_properties(
  simulation/store_main.cpp
  PROPERTIES COMPILE_DEFINITIONS
             "POETRY_STORE_SEEDS=\"${CMAKE_CURRENT_SOURCE_DIR}/simulation/store_seeds.txt\"")
target_include_directories(simulate-store PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/apps)
target_include_directories(simulate-store SYSTEM PRIVATE ${PQ_INCLUDE_DIRS})
target_link_libraries(simulate-store PRIVATE sync poetry spdlog::spdlog SQLiteCpp ${PQ_LINK_LIBRARIES})
add_test(NAME simulation-store COMMAND nice -n 19 $<TARGET_FILE:simulate-store> --seconds 20)
add_test(NAME simulation-store-mistakes
         COMMAND nice -n 19 $<TARGET_FILE:simulate-store> --base 1 --mistakes ${CMAKE_CURRENT_SOURCE_DIR}/simulation/store_mistakes.txt)
# The same over a real PostgreSQL; left out where there is none.
set(on_postgres nice -n 19 ${CMAKE_CURRENT_SOURCE_DIR}/with_postgres $<TARGET_FILE:simulate-store>)
add_test(NAME simulation-store-postgres COMMAND ${on_postgres} --seconds 20)
add_test(NAME simulation-store-postgres-mistakes
         COMMAND ${on_postgres} --base 1 --mistakes ${CMAKE_CURRENT_SOURCE_DIR}/simulation/store_mistakes_postgres.txt)
set_tests_properties(simulation-store-postgres simulation-store-postgres-mistakes
                     PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT POETRY_BIN=${CMAKE_RUNTIME_OUTPUT_DIRECTORY})
set_tests_properties(simulation-store simulation-store-mistakes simulation-store-postgres
                     simulation-store-postgres-mistakes PROPERTIES TIMEOUT 600)
set_tests_properties(simulation-store simulation-store-postgres PROPERTIES COST 700)
