/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * A PKCS#11 module that passes everything on to another one, TOKEN_FLAGS_MODULE, and adds the flags in TOKEN_FLAGS to
 * what that says of its tokens: SoftHSM never locks a PIN. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* PKCS#11 2.40, section 3.2: label, manufacturer and model have 32, 32 and 16 bytes, and the serial number 16. */
struct token_info { char names[96]; unsigned long flags; };
/* Section 3.6: a version, then the functions, of which C_GetTokenInfo is the seventh. */
struct functions { unsigned char version[2]; void *function[68]; };
enum { GET_TOKEN_INFO = 6 };

static struct functions functions;
static unsigned long (*real)(unsigned long, struct token_info *);

static unsigned long token_info(unsigned long slot, struct token_info *info) {
    unsigned long answer = real(slot, info);
    if (answer == 0) info->flags |= strtoul(getenv("TOKEN_FLAGS"), NULL, 16);
    return answer;
}

unsigned long C_GetFunctionList(struct functions **list) {
    struct functions *found;
    void *module = dlopen(getenv("TOKEN_FLAGS_MODULE"), RTLD_NOW);
    if (!module) return 5;
    unsigned long (*get)(struct functions **) = dlsym(module, "C_GetFunctionList");
    if (!get || get(&found)) return 5;
    functions = *found;
    memcpy(&real, &functions.function[GET_TOKEN_INFO], sizeof real);
    functions.function[GET_TOKEN_INFO] = (void *)token_info;
    *list = &functions;
    return 0;
}
