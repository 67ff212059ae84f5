// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Sets constants before the verifier sees them, and variables once it has. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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

bool set_constant(struct bpf_object *object, const char *name,
		  const void *value, size_t bytes)
{
	struct bpf_map *map = find_section(object, ".rodata");
	const struct btf *btf = bpf_object__btf(object);
	const struct btf_var_secinfo *var;
	size_t available = 0;
	const void *data;
	char *copy;
	int error;

	if (!map || !btf)
		return false;
	var = find_variable(btf, ".rodata", name);
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

/* Alone, since programs may write to others of the section meanwhile. */
bool set_variable(struct bpf_object *object, const char *name,
		  const void *value, size_t bytes)
{
	struct bpf_map *map = find_section(object, ".bss");
	const struct btf *btf = bpf_object__btf(object);
	const struct btf_var_secinfo *var =
		map && btf ? find_variable(btf, ".bss", name) : NULL;
	size_t length;
	char *all;

	if (!var || var->size != bytes ||
	    var->offset + bytes > bpf_map__value_size(map))
		return false;
	length = bpf_map__value_size(map);
	all = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED,
		   bpf_map__fd(map), 0);
	if (all == MAP_FAILED)
		return false;
	memcpy(all + var->offset, value, bytes);
	munmap(all, length);
	return true;
}
