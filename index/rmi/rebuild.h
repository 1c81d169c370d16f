/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "index/rmi/rmi.h"

/* Between rmi.c and rebuild.c. */

/* Under the lock, while a rebuild runs. */
void rmi_log_removal(struct rmi *rmi, struct ky_slice key, row_id_t row_id);
/* Throws the run away if a B+tree of the same entries is faster, and the index wants to know. */
void rmi_judge(struct rmi *rmi, struct rmi_run **run, struct rmi_delta **odd, const char **reason);
/* What an empty index holds from now on; takes run and odd. */
void rmi_adopt(struct rmi *rmi, struct rmi_run *run, struct rmi_delta *odd, const char *reason);
