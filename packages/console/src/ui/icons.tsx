import type { ReactNode } from "react";

// Drawn here, on a 16 pixel grid, so that no icon package comes along. Decoration only: the text beside them speaks.
function Icon({ children }: { readonly children: ReactNode }) {
  return (
    <svg
      width="16"
      height="16"
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

const circle = (cx: number, cy: number, r: number) => <circle cx={cx} cy={cy} r={r} />;

export const MapIcon = () => (
  <Icon>
    {circle(3.5, 8, 2)}
    {circle(12.5, 3.5, 2)}
    {circle(12.5, 12.5, 2)}
    <path d="M5.3 7.1 10.7 4.4M5.3 8.9l5.4 2.7" />
  </Icon>
);
export const SegmentIcon = () => (
  <Icon>
    <rect x="2" y="2" width="5" height="12" rx="1" />
    <rect x="9" y="2" width="5" height="5" rx="1" />
    <rect x="9" y="9" width="5" height="5" rx="1" />
  </Icon>
);
export const WorkloadIcon = () => (
  <Icon>
    <rect x="2" y="2.5" width="12" height="4.5" rx="1" />
    <rect x="2" y="9" width="12" height="4.5" rx="1" />
    <path d="M4.5 4.75h.01M4.5 11.25h.01" />
  </Icon>
);
export const SoftwareIcon = () => (
  <Icon>
    <path d="m8 1.8 5.4 3.1v6.2L8 14.2l-5.4-3.1V4.9zM2.6 4.9 8 8l5.4-3.1M8 8v6.2" />
  </Icon>
);
export const FlowIcon = () => (
  <Icon>
    <path d="M2 5h11m-3-3 3 3-3 3M14 11H3m3-3-3 3 3 3" />
  </Icon>
);
export const PolicyIcon = () => (
  <Icon>
    <path d="M4 1.8h6l3 3v9.4H4zM6.5 8h4M6.5 11h4M6.5 5h1.5" />
  </Icon>
);
export const ReviewIcon = () => (
  <Icon>
    <path d="M3 4.2 4.2 5.4 6.4 3M3 10.2l1.2 1.2L6.4 9M9 4.5h4.5M9 10.5h4.5" />
  </Icon>
);
export const AlertIcon = () => (
  <Icon>
    <path d="M8 2 14.5 13.5h-13zM8 6.5v3M8 11.5h.01" />
  </Icon>
);
export const RevisionIcon = () => (
  <Icon>
    {circle(8, 8, 6)}
    <path d="M8 4.5V8l2.5 1.5" />
  </Icon>
);
export const CopyIcon = () => (
  <Icon>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.2" />
    <path d="M10.5 5.5v-3h-8v8h3" />
  </Icon>
);
export const CheckIcon = () => (
  <Icon>
    <path d="m3 8.5 3.2 3.2L13 5" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    {circle(8, 8, 3)}
    <path d="M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="m4 4 8 8M12 4l-8 8" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M8 3.5v9M3.5 8h9" />
  </Icon>
);
export const MinusIcon = () => (
  <Icon>
    <path d="M3.5 8h9" />
  </Icon>
);
export const FitIcon = () => (
  <Icon>
    <path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />
  </Icon>
);
export const SearchIcon = () => (
  <Icon>
    {circle(7, 7, 4.2)}
    <path d="m10.2 10.2 3.3 3.3" />
  </Icon>
);
