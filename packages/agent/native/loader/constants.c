// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Sets a variable of the object before the verifier sees it. */
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "loader.h"

/* Where a variable lies in a section, by BTF; NULL if nowhere. */
static const struct btf_var_secinfo *find_variable(const struct btf *btf,
						   const char *part,
						   const char *name)
{
	int id = btf__find_by_name_kind(btf, part, BTF_KIND_DATASEC);
	const struct btf_type *section;
	struct btf_var_secinfo *var;

	if (id < 0)
		return NULL;
	section = btf__type_by_id(btf, id);
	var = btf_var_secinfos(section);
	for (int i = 0; i < btf_vlen(section); i++, var++) {
		const struct btf_type *type = btf__type_by_id(btf, var->type);

		if (!strcmp(btf__name_by_offset(btf, type->name_off), name))
			return var;
	}
	return NULL;
}

/* Internal maps are named after the object: `ringwall.rodata`. */
static struct bpf_map *find_section(struct bpf_object *object,
				    const char *part)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
		if (strstr(bpf_map__name(map), part))
			return map;
	return NULL;
}

static bool set_in(struct bpf_object *object, const char *part,
		   const char *name, const void *value, size_t bytes)
{
	struct bpf_map *map = find_section(object, part);
	const struct btf *btf = bpf_object__btf(object);
	const struct btf_var_secinfo *var;
	size_t available = 0;
	const void *data;
	char *copy;
	int error;

	if (!map || !btf)
		return false;
	var = find_variable(btf, part, name);
	data = bpf_map__initial_value(map, &available);
	if (!var || !data || var->size != bytes ||
	    var->offset + bytes > available)
		return false;
	copy = malloc(available);
	if (!copy)
		return false;
	memcpy(copy, data, available);
	memcpy(copy + var->offset, value, bytes);
	error = bpf_map__set_initial_value(map, copy, available);
	free(copy);
	return !error;
}

bool set_constant(struct bpf_object *object, const char *name,
		  const void *value, size_t bytes)
{
	return set_in(object, ".rodata", name, value, bytes);
}

bool set_variable(struct bpf_object *object, const char *name,
		  const void *value, size_t bytes)
{
	return set_in(object, ".bss", name, value, bytes);
}
