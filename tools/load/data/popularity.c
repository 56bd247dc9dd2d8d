/* SPDX-License-Identifier: MIT
 *
 * popularity: draws keys, all alike or by Zipf's law, without a table.
 *
 * The Zipf ranks come from rejection-inversion (Hoermann and Derflinger 1996, "Rejection-inversion to
 * generate variates from monotone discrete distributions"): the curve x^-s lies above the bars of the
 * distribution when each bar k is moved to [k - 1/2, k + 1/2], its integral H can be inverted, so a uniform
 * point under the curve gives an x, x rounds to a rank, and the point is kept when it lies within the bar.
 * Fewer than 1.1 candidates are needed on average. Written with log1p and expm1 so that exponents near 1 lose
 * nothing.
 */
#include "popularity.h"

#include <assert.h>
#include <math.h>

/* (e^x - 1) / x, which is 1 at 0. */
static double expm1_ratio(double x) {
    return fabs(x) > 1e-8 ? expm1(x) / x : 1 + x / 2;
}

/* log(1 + x) / x, which is 1 at 0. */
static double log1p_ratio(double x) {
    return fabs(x) > 1e-8 ? log1p(x) / x : 1 - x / 2;
}

/* H(x): the integral of t^-s from 1 to x. */
static double curve_integral(const struct zipf *zipf, double x) {
    double log_x = log(x);
    return expm1_ratio((1 - zipf->exponent) * log_x) * log_x;
}

/* The x whose integral is `area`. */
static double curve_inverse(const struct zipf *zipf, double area) {
    double scaled = fmax(area * (1 - zipf->exponent), -1.0); /* rounding may step a hair below -1 */
    return exp(log1p_ratio(scaled) * area);
}

static double curve_height(const struct zipf *zipf, double x) {
    return exp(-zipf->exponent * log(x));
}

void zipf_init(struct zipf *zipf, uint64_t count, double exponent) {
    assert(count >= 1 && count <= UINT32_MAX && exponent > 0);
    *zipf = (struct zipf){.count = count, .exponent = exponent};
    zipf->integral_first = curve_integral(zipf, 1.5) - 1;
    zipf->integral_end = curve_integral(zipf, (double)count + 0.5);
    zipf->accept_below = 2 - curve_inverse(zipf, curve_integral(zipf, 2.5) - curve_height(zipf, 2));
}

uint64_t zipf_next(const struct zipf *zipf, struct random *random) {
    for (;;) {
        double uniform = (double)(random_next(random) >> 11) * 0x1p-53;
        double area = zipf->integral_end + uniform * (zipf->integral_first - zipf->integral_end);
        double x = curve_inverse(zipf, area);
        double rank = fmin(fmax(floor(x + 0.5), 1.0), (double)zipf->count);
        if (rank - x <= zipf->accept_below ||
            area >= curve_integral(zipf, rank + 0.5) - curve_height(zipf, rank)) {
            return (uint64_t)rank;
        }
    }
}

static uint64_t greatest_common_divisor(uint64_t left, uint64_t right) {
    while (right != 0) {
        uint64_t rest = left % right;
        left = right;
        right = rest;
    }
    return left;
}

/* Near the golden section of count, so that neighbouring ranks lie far apart, and without common divisor. */
static uint64_t stride_of(uint64_t count) {
    uint64_t stride = (uint64_t)((double)count * 0.6180339887) | 1;
    while (greatest_common_divisor(stride, count) != 1) {
        stride += 2;
    }
    return stride;
}

void popularity_init(struct popularity *popularity, uint64_t count, double exponent) {
    assert(count >= 1 && count <= UINT32_MAX && exponent >= 0);
    *popularity = (struct popularity){.uniform = exponent == 0, .count = count, .stride = stride_of(count)};
    if (!popularity->uniform) {
        zipf_init(&popularity->zipf, count, exponent);
    }
}

uint32_t popularity_next(const struct popularity *popularity, struct random *random) {
    if (popularity->uniform) {
        return (uint32_t)random_below(random, popularity->count);
    }
    /* Both factors are below 2^33, the product fits. */
    uint64_t rank = zipf_next(&popularity->zipf, random) - 1;
    return (uint32_t)(rank * popularity->stride % popularity->count);
}
