/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/registry_options.h"

struct registry_access registry_access;
