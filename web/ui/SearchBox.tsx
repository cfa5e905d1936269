import { Input } from 'antd'
import { useEffect, useState } from 'react'

/** Writes the address while typing, 300 ms after the last key. */
export function SearchBox({
  value,
  onSearch,
  placeholder,
  label,
}: {
  value: string
  onSearch: (q: string) => void
  placeholder?: string
  label?: string
}) {
  const [text, setText] = useState(value)
  useEffect(() => setText(value), [value])
  // biome-ignore lint/correctness/useExhaustiveDependencies: the wait begins with the text
  useEffect(() => {
    if (text === value) return
    const wait = setTimeout(() => onSearch(text.trim()), 300)
    return () => clearTimeout(wait)
  }, [text])
  return (
    <Input
      aria-label={label}
      type="search"
      allowClear
      value={text}
      placeholder={placeholder}
      onChange={event => setText(event.target.value)}
    />
  )
}
