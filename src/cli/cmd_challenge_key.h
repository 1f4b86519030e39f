/*
 * cmd_challenge_key.h - `kurier challenge key`, a command within `kurier challenge`.
 */
#ifndef CLI_CMD_CHALLENGE_KEY_H
#define CLI_CMD_CHALLENGE_KEY_H

int cli_challenge_key(int argc, char **argv);

#endif
