import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useMemo, useState } from "react";
import { useElementSize } from "../hooks/use-element-size.ts";
import classes from "./DataTable.module.css";
import { type FittedColumn, fitColumns, leastWidth } from "./fit-columns.ts";

export type Column<T> = FittedColumn & {
  readonly key: string;
  readonly header: string;
  readonly align?: "right";
  readonly render: (row: T) => ReactNode;
  /** What to sort by; a column without it can't be sorted. */
  readonly sortBy?: (row: T) => string | number;
};

type Sorting = { readonly key: string; readonly descending: boolean };

type Props<T> = {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  readonly sortedBy?: Sorting;
  readonly onSelect?: (row: T) => void;
  readonly selectedKey?: string | undefined;
};

const ROW_PX = 33;
const OVERSCAN = 12;

/** A table of any length: only the rows in view exist. Columns that there is no room for are named below it. */
export function DataTable<T>(props: Props<T>) {
  const { rows, rowKey, label } = props;
  const [sorting, setSorting] = useState<Sorting | null>(props.sortedBy ?? null);
  const sorted = useMemo(() => sortRows(rows, props.columns, sorting), [rows, props.columns, sorting]);
  const { ref: scroll, size } = useElementSize<HTMLDivElement>();
  // Not laid out yet, nothing is known of the room.
  const columns = size.width === 0 ? props.columns : fitColumns(props.columns, size.width);
  const gone = props.columns.filter((column) => !columns.includes(column));
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
  });
  const minWidth = leastWidth(columns);
  const gridTemplateColumns = columns.map((column) => column.width).join(" ");
  return (
    <div className={classes["outer"]}>
      <div className={classes["scroll"]} ref={scroll}>
        {/* biome-ignore lint/a11y/useSemanticElements: rows that come and go while scrolling need positions of their own */}
        <div
          role="table"
          aria-label={label}
          aria-rowcount={sorted.length + 1}
          className={classes["table"]}
          style={{ minWidth }}
        >
          <HeaderRow columns={columns} sorting={sorting} onSort={setSorting} template={gridTemplateColumns} />
          {/* biome-ignore lint/a11y/useSemanticElements: as above */}
          <div role="rowgroup" className={classes["body"]} style={{ height: virtual.getTotalSize() }}>
            {virtual.getVirtualItems().map((item) => {
              const row = sorted[item.index];
              if (row === undefined) return null;
              const key = rowKey(row);
              return (
                <BodyRow
                  key={item.key}
                  row={row}
                  columns={columns}
                  index={item.index}
                  selected={props.selectedKey === key}
                  onSelect={props.onSelect}
                  style={{ gridTemplateColumns, transform: `translateY(${item.start}px)` }}
                />
              );
            })}
          </div>
        </div>
      </div>
      {gone.length === 0 ? null : (
        <p className={classes["gone"]}>
          No room here for {gone.map(({ header }) => header).join(", ")}: widen the window
          {props.onSelect === undefined ? "." : ", or select a row."}
        </p>
      )}
    </div>
  );
}

type HeaderProps<T> = {
  readonly columns: readonly Column<T>[];
  readonly sorting: Sorting | null;
  readonly onSort: (sorting: Sorting) => void;
  readonly template: string;
};

function HeaderRow<T>({ columns, sorting, onSort, template }: HeaderProps<T>) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the table
    // biome-ignore lint/a11y/useFocusableInteractive: rows are read, the buttons in them act
    <div role="row" aria-rowindex={1} className={classes["head"]} style={{ gridTemplateColumns: template }}>
      {columns.map((column) => {
        const active = sorting?.key === column.key;
        const direction = sorting?.descending === true ? "descending" : "ascending";
        return (
          // biome-ignore lint/a11y/useSemanticElements: see the table
          // biome-ignore lint/a11y/useFocusableInteractive: the button in it acts
          <div
            role="columnheader"
            key={column.key}
            className={classes["cell"]}
            data-align={column.align}
            {...(column.sortBy === undefined ? {} : { "aria-sort": active ? direction : "none" })}
          >
            {column.sortBy === undefined ? (
              column.header
            ) : (
              <button
                type="button"
                className={classes["sort"]}
                onClick={() =>
                  onSort({ key: column.key, descending: active ? sorting?.descending !== true : false })
                }
              >
                {column.header}
                <span aria-hidden="true">{active ? (sorting?.descending ? " ↓" : " ↑") : ""}</span>
              </button>
            )}
          </div>
        );
      })}
    </div>
  );
}

type RowProps<T> = {
  readonly row: T;
  readonly columns: readonly Column<T>[];
  readonly index: number;
  readonly selected: boolean;
  readonly onSelect: ((row: T) => void) | undefined;
  readonly style: { readonly gridTemplateColumns: string; readonly transform: string };
};

function BodyRow<T>({ row, columns, index, selected, onSelect, style }: RowProps<T>) {
  const act = onSelect === undefined ? undefined : () => onSelect(row);
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the table
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      className={classes["row"]}
      data-clickable={act !== undefined}
      style={style}
      tabIndex={act === undefined ? -1 : 0}
      onClick={(event) => {
        // A link or a button in the row does its own, and that only.
        if (!(event.target instanceof Element && event.target.closest("a, button"))) act?.();
      }}
      onKeyDown={(event) => {
        if (event.key === "Enter" && event.target === event.currentTarget) act?.();
      }}
    >
      {columns.map((column) => (
        // biome-ignore lint/a11y/useSemanticElements: see the table
        <div role="cell" key={column.key} className={classes["cell"]} data-align={column.align}>
          {column.render(row)}
        </div>
      ))}
    </div>
  );
}

function sortRows<T>(
  rows: readonly T[],
  columns: readonly Column<T>[],
  sorting: Sorting | null,
): readonly T[] {
  const value = columns.find((column) => column.key === sorting?.key)?.sortBy;
  if (sorting === null || value === undefined) return rows;
  const sign = sorting.descending ? -1 : 1;
  return rows.toSorted((left, right) => {
    const [a, b] = [value(left), value(right)];
    return a < b ? -sign : a > b ? sign : 0;
  });
}
