/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Commands on the data directory of a server that does not run. argv begins after the command's
 * word. They print what they did, and return the process's exit code: 0 good, 1 damage or failure,
 * 2 usage. */
int offline_verify(int argc, char **argv);
int offline_restore(int argc, char **argv);
int offline_recover(int argc, char **argv);
