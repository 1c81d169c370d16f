/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Lets access evaluate index expressions and predicates. Once, before access_open. */
void exec_register_index_evaluator(void);
