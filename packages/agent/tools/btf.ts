/** The part of `bpftool btf dump -j` that the layout generator reads. */
export interface BtfMember {
  readonly name: string;
  readonly type_id: number;
  readonly bits_offset: number;
}

interface Named {
  readonly id: number;
  readonly name: string;
}

export interface BtfEnum extends Named {
  readonly kind: "ENUM";
  readonly values: readonly { readonly name: string; readonly val: number }[];
}

export interface BtfStruct extends Named {
  readonly kind: "STRUCT";
  readonly size: number;
  readonly members: readonly BtfMember[];
}

export type BtfType =
  | BtfEnum
  | BtfStruct
  | (Named & { readonly kind: "INT"; readonly size: number })
  | (Named & { readonly kind: "ARRAY"; readonly type_id: number; readonly nr_elems: number })
  | (Named & { readonly kind: "TYPEDEF" | "CONST" | "VOLATILE"; readonly type_id: number })
  | (Named & { readonly kind: "OTHER" });

const KNOWN = new Set(["ENUM", "STRUCT", "INT", "ARRAY", "TYPEDEF", "CONST", "VOLATILE"]);

/** The types of a dump by id; kinds that no layout uses become OTHER. */
export function parseBtf(json: string): ReadonlyMap<number, BtfType> {
  // The dump is bpftool's own, made a moment ago: its shape is the contract above.
  const { types } = JSON.parse(json) as { types: (BtfType & { kind: string })[] };
  return new Map(types.map((type) => [type.id, KNOWN.has(type.kind) ? type : { ...type, kind: "OTHER" }]));
}
