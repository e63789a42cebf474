// The part of libldns that reads and prints record text. `ldns/ldns.h` would pull in 66 OpenSSL
// headers through its key types, so the headers are named one by one (spec: rbtree before
// host2wire) and the two printers that live in host2str.h are declared here.
#ifndef WAGGLE_CLDNS_SHIM_H
#define WAGGLE_CLDNS_SHIM_H

// First, or ldns/common.h takes `bool` for a character type.
#include <stdbool.h>

#include <ldns/common.h>
#include <ldns/util.h>
#include <ldns/error.h>
#include <ldns/buffer.h>
#include <ldns/rbtree.h>
#include <ldns/rdata.h>
#include <ldns/rr.h>
#include <ldns/dname.h>
#include <ldns/edns.h>
#include <ldns/packet.h>
#include <ldns/wire2host.h>
#include <ldns/host2wire.h>
#include <ldns/str2host.h>

char *ldns_rr2str(const ldns_rr *rr);
char *ldns_pkt2str(const ldns_pkt *pkt);
char *ldns_rdf2str(const ldns_rdf *rdf);
const char *ldns_get_errorstr_by_id(ldns_status err);

#endif
