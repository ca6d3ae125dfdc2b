# Before packages are made, gives what was installed for them the form that Debian's policy demands:
# manuals and changelogs are compressed, and a licence stands in `copyright` alone.
function(compress from to)
  execute_process(COMMAND gzip -9nc "${from}" OUTPUT_FILE "${to}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC) # that of SOURCE_DATE_EPOCH, if it is set
foreach(tool IN LISTS CPACK_COMPONENTS_ALL)
  set(share "${CPACK_TEMPORARY_DIRECTORY}/${tool}/usr/share")
  set(doc "${share}/doc/${tool}")
  set(version "${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}")
  file(WRITE "${doc}/changelog"
       "${CPACK_PACKAGE_NAME} (${version}) unstable; urgency=medium\n\n"
       "  * What has changed stands in changelog.gz.\n\n -- ${CPACK_PACKAGE_CONTACT}  ${now}\n")
  compress("${doc}/changelog" "${doc}/changelog.Debian.gz")
  compress("${doc}/CHANGELOG.md" "${doc}/changelog.gz")
  compress("${share}/man/man1/${tool}.1" "${share}/man/man1/${tool}.1.gz")
  file(REMOVE "${doc}/changelog" "${doc}/CHANGELOG.md" "${doc}/LICENSE"
       "${share}/man/man1/${tool}.1")
endforeach()
