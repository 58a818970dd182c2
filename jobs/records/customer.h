/*
 * records/customer.h - a customer as Redis holds him: a hash under his id.
 */
#ifndef RECORDS_CUSTOMER_H
#define RECORDS_CUSTOMER_H

#include <sluice/job.h>

#define CUSTOMER_FIELDS(F)                                                                                   \
    F(text, name)                                                                                            \
    F(maybe_i64, age)                                                                                        \
    F(text, gender)                                                                                          \
    F(text, zip)                                                                                             \
    F(text, address, "Address")                                                                              \
    F(text, sign_date, "SignDate")                                                                           \
    F(text, status, "Status")                                                                                \
    F(text, level, "Level")                                                                                  \
    F(text, campaign, "Campaign")                                                                            \
    F(text, linked_with_apps, "LinkedWithApps")
SL_RECORD(customer, CUSTOMER_FIELDS);

#endif
