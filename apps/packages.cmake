# What cpack makes: a Debian package for each tool, in the form of Debian's own. ./dev package runs it.
set(POETRY_MAINTAINER "slow-poetry maintainers <maintainers@slow-poetry.invalid>"
    CACHE STRING "Who answers for the Debian packages: NAME <ADDRESS>")

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME slow-poetry)
set(CPACK_PACKAGE_VENDOR slow-poetry)
set(CPACK_PACKAGE_CONTACT "${POETRY_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
                                                GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/debian_form.cmake)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 0upstream1) # a distribution's own package, -1, is newer
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# package(TOOL SYNOPSIS TEXT [NAME VALUE...]): NAME is one of CPack's names for a field.
function(package tool synopsis text)
  string(TOUPPER ${tool} name)
  list(APPEND components ${CPACK_COMPONENTS_ALL} ${tool})
  set(CPACK_COMPONENTS_ALL ${components} PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_PACKAGE_NAME ${tool} PARENT_SCOPE)
  set(CPACK_DEBIAN_${name}_DESCRIPTION "${synopsis}\n${text}" PARENT_SCOPE)
  while(ARGN)
    list(POP_FRONT ARGN field value)
    set(CPACK_DEBIAN_${name}_${field} "${value}" PARENT_SCOPE)
  endwhile()
endfunction()

if(POETRY_SERVER)
  package(poetry-server "TCP server that is slow, exact or broken on purpose"
          "It serves text files line by line, each line exactly on time, on several
ports at once; an echo, discard and chargen, a live web log, a Fibonacci
sequence that survives any crash; and reproducible faults, for the tests of
network clients. It does so by select, poll, epoll, io_uring, Boost.Asio,
threads or processes.")
endif()
if(POETRY_GET)
  package(poetry-get "fetches from many TCP servers, with deadlines that hold"
          "It fetches from many servers one after another or all at once, by the I/O
model that is named, says what happened to each and how long it took, draws it
as a timeline, and compares what the models cost.")
endif()
if(POETRY_SYNC)
  package(poetry-sync "keeps a library of texts in step with their servers"
          "A web page with a Sync Up button, a durable queue in SQLite or PostgreSQL that
no crash, double click or lost connection gets stuck, a live log and a progress
bar for each record.")
endif()
if(POETRY_SERVER AND POETRY_GET)
  package(poetry-demo "shows what waiting for many servers at once is worth"
          "A demonstration of poetry-server and poetry-get for those who learn or teach
asynchronous networking, with poems to serve."
          PACKAGE_ARCHITECTURE all PACKAGE_DEPENDS
          "poetry-server (>= ${PROJECT_VERSION}), poetry-get (>= ${PROJECT_VERSION})" PACKAGE_SHLIBDEPS OFF)
endif()
include(CPack)
