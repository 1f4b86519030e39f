/*
 * fault.h - named points of the path at which a test ends a process as kill -9 would.
 *
 * In a test build (KURIER_TEST_HOOKS) the environment variable KURIER_FAULT=NAME:COUNT kills the
 * process that reaches the point NAME for the COUNTth time of its life. Any other build has nothing
 * there.
 */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#ifdef KURIER_TEST_HOOKS
void base_fault_point(const char *name);
#else
#define base_fault_point(name) ((void)0)
#endif

#endif
