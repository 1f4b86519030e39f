# The rooms and their arrows, downwards. docs/architecture.md draws the same picture.
room(base)
room(der        DEPS base)
room(pki        DEPS base der LIBS PkgConfig::CRYPTO)
room(scep       DEPS base der pki)
room(journal    DEPS base LIBS PkgConfig::CRYPTO)
room(ipc        DEPS base)
room(config     DEPS base ipc LIBS PkgConfig::YAML)
room(policy     DEPS base der pki)
room(store      DEPS base journal LIBS PkgConfig::SQLITE)
room(signer     DEPS base der pki journal ipc LIBS Threads::Threads)
room(ledger     DEPS base der pki journal ipc policy store LIBS PkgConfig::JANSSON)
room(front      DEPS base der pki scep ipc LIBS PkgConfig::EVENT PkgConfig::EVENT_TLS PkgConfig::TLS PkgConfig::JANSSON
                Threads::Threads)
room(notifier   DEPS base der pki ipc LIBS PkgConfig::CURL PkgConfig::JANSSON)
room(supervisor DEPS base ipc)
room(device     DEPS base der pki scep LIBS PkgConfig::CURL)
room(profile    DEPS base der pki LIBS PkgConfig::XML2)
room(diagnose   DEPS base der pki scep LIBS PkgConfig::PCRE2 PkgConfig::ARCHIVE PkgConfig::CURL PkgConfig::EVTX)
room(cli        DEPS base pki ipc config supervisor device diagnose profile LIBS PkgConfig::JANSSON)

role(signer kurier-signer)
role(ledger kurier-ledger)
role(front  kurier-front)
role(notifier kurier-notifier)
role(config kurier-config)
role(cli    kurier)

# Not installed: what makes the seccomp programs of the roles from the tables of system calls, when Kurier is built.
add_executable(kurier-filters ${CMAKE_SOURCE_DIR}/tools/filters.c ${CMAKE_SOURCE_DIR}/src/ipc/confine_tables.c)
target_include_directories(kurier-filters PRIVATE ${CMAKE_BINARY_DIR}/rooms/ipc ${CMAKE_BINARY_DIR}/rooms/base)
target_link_libraries(kurier-filters PRIVATE PkgConfig::SECCOMP)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/confine_filters.c
  COMMAND kurier-filters > ${CMAKE_BINARY_DIR}/confine_filters.c DEPENDS kurier-filters VERBATIM)
target_sources(kurier_ipc PRIVATE ${CMAKE_BINARY_DIR}/confine_filters.c)

# Not installed: documents that are made from the code.
add_executable(kurier-docs ${CMAKE_SOURCE_DIR}/tools/docs.c)
target_link_libraries(kurier-docs PRIVATE kurier_diagnose)

add_executable(store_bench ${CMAKE_SOURCE_DIR}/bench/store_bench.c)
target_link_libraries(store_bench PRIVATE kurier_store)

add_executable(kurier-load bench/load/main.c bench/load/messages.c bench/load/run.c)
target_include_directories(kurier-load PRIVATE bench/load)
target_link_libraries(kurier-load PRIVATE kurier_scep)

add_executable(kurier-fill bench/fill.c)
target_link_libraries(kurier-fill PRIVATE kurier_store)
