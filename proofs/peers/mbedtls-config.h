// SPDX-License-Identifier: MIT OR Apache-2.0
// What mbed TLS's RSA needs; all else as in its own configuration, the window of the exponentiation included.
#define MBEDTLS_HAVE_ASM
#define MBEDTLS_BIGNUM_C
#define MBEDTLS_RSA_C
#define MBEDTLS_PKCS1_V21
#define MBEDTLS_MD_C
#define MBEDTLS_SHA256_C
#define MBEDTLS_OID_C
