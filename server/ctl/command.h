/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "server/ctl/request.h"

/* The commands. Arguments are those after the command's name. Return the exit code. */
int command_status(const struct ctl_target *target, int argc, char **argv);
int command_health(const struct ctl_target *target, int argc, char **argv);
int command_metrics(const struct ctl_target *target, int argc, char **argv);
int command_sql(const struct ctl_target *target, int argc, char **argv);
int command_replay(const struct ctl_target *target, int argc, char **argv);
