/* SPDX-License-Identifier: Apache-2.0 */
#include "server/types/type_io.h"

#include <stdlib.h>

/* As in pg_type, in the order of OIDs. */
static const struct type_io ios[] = {
    {OID_BOOL, 1242, 1243, 2436, 2437},
    {OID_BYTEA, 1244, 31, 2412, 2413},
    {OID_CHAR, 1245, 33, 2434, 2435},
    {OID_NAME, 34, 35, 2422, 2423},
    {OID_INT8, 460, 461, 2408, 2409},
    {OID_INT2, 38, 39, 2404, 2405},
    {OID_INT2VECTOR, 40, 41, 2410, 2411},
    {OID_INT4, 42, 43, 2406, 2407},
    {OID_REGPROC, 44, 45, 2444, 2445},
    {OID_TEXT, 46, 47, 2414, 2415},
    {OID_OID, 1798, 1799, 2418, 2419},
    {OID_TID, 48, 49, 2438, 2439},
    {OID_XID, 50, 51, 2440, 2441},
    {OID_CID, 52, 53, 2442, 2443},
    {OID_OIDVECTOR, 54, 55, 2420, 2421},
    {32, 86, 87, 88, 90},
    {OID_JSON, 321, 322, 323, 324},
    {OID_PG_NODE_TREE, 195, 196, 197, 198},
    {269, 267, 268, 0, 0},
    {325, 326, 327, 0, 0},
    {OID_FLOAT4, 200, 201, 2424, 2425},
    {OID_FLOAT8, 214, 215, 2426, 2427},
    {OID_UNKNOWN, 109, 110, 2416, 2417},
    {OID_ACLITEM, 1031, 1032, 0, 0},
    {OID_BPCHAR, 1044, 1045, 2430, 2431},
    {OID_VARCHAR, 1046, 1047, 2432, 2433},
    {OID_DATE, 1084, 1085, 2468, 2469},
    {OID_TIME, 1143, 1144, 2470, 2471},
    {OID_TIMESTAMP, 1312, 1313, 2474, 2475},
    {OID_TIMESTAMPTZ, 1150, 1151, 2476, 2477},
    {OID_INTERVAL, 1160, 1161, 2478, 2479},
    {OID_TIMETZ, 1350, 1351, 2472, 2473},
    {OID_BIT, 1564, 1565, 2456, 2457},
    {OID_VARBIT, 1579, 1580, 2458, 2459},
    {OID_NUMERIC, 1701, 1702, 2460, 2461},
    {OID_REFCURSOR, 46, 47, 2414, 2415},
    {OID_REGPROCEDURE, 2212, 2213, 2446, 2447},
    {OID_REGOPER, 2214, 2215, 2448, 2449},
    {OID_REGOPERATOR, 2216, 2217, 2450, 2451},
    {OID_REGCLASS, 2218, 2219, 2452, 2453},
    {OID_REGTYPE, 2220, 2221, 2454, 2455},
    {OID_RECORD, 2290, 2291, 2402, 2403},
    {OID_CSTRING, 2292, 2293, 2500, 2501},
    {OID_ANY, 2294, 2295, 0, 0},
    {OID_ANYARRAY, 2296, 2297, 2502, 2503},
    {OID_VOID, 2298, 2299, 3120, 3121},
    {OID_TRIGGER, 2300, 2301, 0, 0},
    {2280, 2302, 2303, 0, 0},
    {OID_INTERNAL, 2304, 2305, 0, 0},
    {OID_ANYELEMENT, 2312, 2313, 0, 0},
    {OID_RECORD_ARRAY, 750, 751, 2400, 2401},
    {OID_ANYNONARRAY, 2777, 2778, 0, 0},
    {OID_UUID, 2952, 2953, 2961, 2962},
    {3115, 3116, 3117, 0, 0},
    {OID_PG_LSN, 3229, 3230, 3238, 3239},
    {3310, 3311, 3312, 0, 0},
    {OID_ANYENUM, 3504, 3505, 0, 0},
    {OID_REGCONFIG, 3736, 3737, 3738, 3739},
    {OID_REGDICTIONARY, 3771, 3772, 3773, 3774},
    {OID_JSONB, 3806, 3804, 3805, 3803},
    {OID_ANYRANGE, 3832, 3833, 0, 0},
    {3838, 3594, 3595, 0, 0},
    {OID_JSONPATH, 4001, 4003, 4002, 4004},
    {OID_REGNAMESPACE, 4084, 4085, 4087, 4088},
    {OID_REGROLE, 4098, 4092, 4094, 4095},
    {OID_REGCOLLATION, 4193, 4194, 4196, 4197},
    {4537, 4229, 4230, 0, 0},
    {4538, 4226, 4227, 0, 0},
    {OID_XID8, 5070, 5081, 5082, 5083},
    {OID_ANYCOMPATIBLE, 5086, 5087, 0, 0},
    {OID_ANYCOMPATIBLEARRAY, 5088, 5089, 5090, 5091},
    {5079, 5092, 5093, 0, 0},
    {5080, 5094, 5095, 0, 0},
    {OID_VECTOR, 15282, 15283, 15284, 15285},
    {OID_HALFVEC, 15286, 15287, 15288, 15289},
    {OID_SPARSEVEC, 15290, 15291, 15292, 15293},
};

static const struct type_io array_io = {0, 750, 751, 2400, 2401};
static const struct type_io enum_io = {0, 3506, 3507, 3532, 3533};
static const struct type_io no_io = {0};

static int
compare(const void *oid, const void *entry)
{
    const oid_t wanted = *(const oid_t *)oid;
    const oid_t type = ((const struct type_io *)entry)->type;
    return (wanted > type) - (wanted < type);
}

const struct type_io *
type_io_of(const struct type *type)
{
    const struct type_io *found =
        bsearch(&type->oid, ios, KY_COUNT_OF(ios), sizeof(ios[0]), compare);
    return found != NULL           ? found
           : type->category == 'A' ? &array_io
           : type->typtype == 'e'  ? &enum_io
                                   : &no_io;
}
