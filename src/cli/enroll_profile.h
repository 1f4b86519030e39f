/*
 * enroll_profile.h - an Apple configuration profile as the options of an enrolment.
 */
#ifndef CLI_ENROLL_PROFILE_H
#define CLI_ENROLL_PROFILE_H

#include "device/enroll.h"
#include "profile/mobileconfig_read.h"

/*
 * Read @path and set in @options what it says; they point into @profile, which was init-ed. What
 * was noticed is said through options->progress. @payload: a number from 1, as text. Errors:
 * E_SYSTEM, E_USAGE, and those of profile_mobileconfig_read().
 */
MUST_CHECK enum base_code cli_enroll_profile(const char *path, const char *payload,
    struct profile_scep *profile, struct device_enroll_options *options, struct base_error *err);

#endif
