// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * Values of one layout as values of another, by the names of their fields. A
 * field that is new is 0; one that is gone is lost; a number may grow.
 */
#include <string.h>

#include <bpf/btf.h>

#include "loader.h"

static bool convert_number(const struct side *to, const struct side *from,
			   void *out, const void *in)
{
	__s64 to_bytes = btf__resolve_size(to->btf, to->type);
	__s64 from_bytes = btf__resolve_size(from->btf, from->type);

	/* The lowest byte is first on what BPF is compiled for here. */
	if (to_bytes <= 0 || from_bytes <= 0 || from_bytes > to_bytes)
		return false;
	memcpy(out, in, from_bytes);
	return true;
}

static bool convert_array(const struct side *to, const struct side *from,
			  void *out, const void *in)
{
	const struct btf_array *wide =
		btf_array(btf__type_by_id(to->btf, to->type));
	const struct btf_array *narrow =
		btf_array(btf__type_by_id(from->btf, from->type));
	struct side into = { to->btf, wide->type };
	struct side outof = { from->btf, narrow->type };
	__s64 step = btf__resolve_size(into.btf, into.type);
	__s64 past = btf__resolve_size(outof.btf, outof.type);

	if (narrow->nelems > wide->nelems)
		return false;
	for (__u32 i = 0; i < narrow->nelems; i++)
		if (!convert(&into, &outof, (char *)out + i * step,
			     (const char *)in + i * past))
			return false;
	return true;
}

const struct btf_member *find_member(const struct btf *btf,
				     const struct btf_type *type,
				     const char *name)
{
	const struct btf_member *member = btf_members(type);

	for (int i = 0; i < btf_vlen(type); i++, member++)
		if (!strcmp(btf__name_by_offset(btf, member->name_off), name))
			return member;
	return NULL;
}

static bool convert_struct(const struct side *to, const struct side *from,
			   void *out, const void *in)
{
	const struct btf_type *wanted = btf__type_by_id(to->btf, to->type);
	const struct btf_type *former = btf__type_by_id(from->btf, from->type);
	const struct btf_member *member = btf_members(wanted);

	if (btf_kflag(wanted) || btf_kflag(former))
		return false; /* fields of bits */
	for (int i = 0; i < btf_vlen(wanted); i++, member++) {
		const char *name = btf__name_by_offset(to->btf,
						       member->name_off);
		const struct btf_member *same =
			find_member(from->btf, former, name);
		struct side into = { to->btf, member->type };
		struct side outof = { from->btf, same ? same->type : 0 };

		/* Padding holds nothing, and gives way to fields. */
		if (!same || !strcmp(name, "pad"))
			continue;
		if (!convert(&into, &outof, (char *)out + member->offset / 8,
			     (const char *)in + same->offset / 8))
			return false;
	}
	return true;
}

/* `out` is all 0 before. */
bool convert(const struct side *to, const struct side *from, void *out,
	     const void *in)
{
	struct side into = { to->btf, btf__resolve_type(to->btf, to->type) };
	struct side outof = { from->btf,
			      btf__resolve_type(from->btf, from->type) };
	const struct btf_type *wanted = btf__type_by_id(into.btf, into.type);
	const struct btf_type *former = btf__type_by_id(outof.btf, outof.type);

	if (!wanted || !former || btf_kind(wanted) != btf_kind(former))
		return false;
	switch (btf_kind(wanted)) {
	case BTF_KIND_INT:
	case BTF_KIND_ENUM:
		return convert_number(&into, &outof, out, in);
	case BTF_KIND_ARRAY:
		return convert_array(&into, &outof, out, in);
	case BTF_KIND_STRUCT:
		return convert_struct(&into, &outof, out, in);
	default:
		return false;
	}
}

/* What keys are made of must be the same, in whatever order: a look-up names all of it. */
bool same_fields(const struct side *to, const struct side *from)
{
	int wanted_id = btf__resolve_type(to->btf, to->type);
	int former_id = btf__resolve_type(from->btf, from->type);
	const struct btf_type *wanted = btf__type_by_id(to->btf, wanted_id);
	const struct btf_type *former = btf__type_by_id(from->btf, former_id);
	const struct btf_member *member;

	if (!wanted || !former || btf_kind(wanted) != btf_kind(former))
		return false;
	if (!btf_is_struct(wanted))
		return btf__resolve_size(to->btf, wanted_id) ==
		       btf__resolve_size(from->btf, former_id);
	if (btf_vlen(wanted) != btf_vlen(former))
		return false;
	member = btf_members(wanted);
	for (int i = 0; i < btf_vlen(wanted); i++, member++)
		if (!find_member(from->btf, former,
				 btf__name_by_offset(to->btf, member->name_off)))
			return false;
	return true;
}
