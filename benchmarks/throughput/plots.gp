# Makes the plots of what larder_throughput --plot-data=FOLDER has written: those of which there are figures.
#
# Usage: gnuplot -e "data='FOLDER'; results='FOLDER'" benchmarks/throughput/plots.gp

set datafile separator tab
set datafile missing "?"

table(name) = sprintf("%s/%s.tsv", data, name)
has(name) = int(system(sprintf("if [ -s '%s' ]; then echo 1; else echo 0; fi", table(name))))
columns(name) = int(system(sprintf("head -n 1 '%s' | awk -F '\t' '{ print NF }'", table(name))))
rows(name) = int(system(sprintf("tail -n +2 '%s' | wc -l", table(name))))

# Starts the plot of that name, so many pixels high.
start(name, height) = sprintf("set terminal svg size 900,%d noenhanced font 'sans-serif,12' background '#ffffff'; \
                               set output '%s/throughput_%s.svg'", height, results, name)

# Okabe and Ito's colours, which readers with any kind of colour vision tell apart; dashes and points differ as well.
set linetype 1 linecolor rgb "#0072b2" dashtype 1 pointtype 7 linewidth 2.5 pointsize 0.7
set linetype 2 linecolor rgb "#d55e00" dashtype 2 pointtype 5 linewidth 2 pointsize 0.7
set linetype 3 linecolor rgb "#009e73" dashtype 3 pointtype 9 linewidth 2 pointsize 0.8
set linetype 4 linecolor rgb "#cc79a7" dashtype 4 pointtype 11 linewidth 2 pointsize 0.8
set linetype 5 linecolor rgb "#56b4e9" dashtype 5 pointtype 13 linewidth 2 pointsize 0.8
set linetype 6 linecolor rgb "#000000" dashtype "_ . " pointtype 4 linewidth 2 pointsize 0.7
set linetype cycle 6

set border 3 linecolor rgb "#444444"
set tics nomirror out scale 0.5
set grid linecolor rgb "#dddddd" linetype 1 dashtype 1 linewidth 1

# Bars: larder's are blue, those of others grey; where there are two requests, the second bar is paler.
is_larder(label) = label[1:6] eq "larder"
dark(label) = is_larder(label) ? 0x0072b2 : 0x777777
pale(label) = is_larder(label) ? 0x8cc4e8 : 0xc4c4c4
shown(value) = value < 10 ? sprintf("%.1f", value) : sprintf("%.0f", value)

set lmargin at screen 0.37
set rmargin at screen 0.94
set xrange [0:*]
set style fill solid noborder

do for [name in "hit miss set"] {
  if (has(name)) {
    eval start(name, 120 + 42 * rows(name))
    heading = name eq "hit" ? "A hit among a million entries" : \
              name eq "miss" ? "A miss in a cache of a million entries" : \
              "A set of one of a million keys, with room for half of them"
    set title heading offset 0, 0.8
    set xlabel "nanoseconds, one thread (less is better)"
    set yrange [rows(name) - 0.4:-0.6]
    set key at graph 1, graph 1.0 bottom right horizontal noautotitle samplen 2
    plot table(name) every ::1 using 2:0:(0):2:($0 - 0.38):($0 - 0.02):(dark(strcol(1))):ytic(1) \
           with boxxyerror linecolor rgb variable, \
         "" every ::1 using 3:0:(0):3:($0 + 0.02):($0 + 0.38):(pale(strcol(1))) \
           with boxxyerror linecolor rgb variable, \
         "" every ::1 using 2:($0 - 0.2):(shown($2)) with labels left offset 0.4, 0 font ",11", \
         "" every ::1 using 3:($0 + 0.2):(shown($3)) with labels left offset 0.4, 0 font ",11", \
         keyentry with boxes linecolor rgb "#777777" title "Zipf(0.99)", \
         keyentry with boxes linecolor rgb "#c4c4c4" title "uniform"
  }
}

do for [name in "set_new memory"] {
  if (has(name)) {
    eval start(name, 100 + 30 * rows(name))
    heading = name eq "memory" ? "Memory beyond key and value" : "A set that evicts, half a million entries"
    set title heading offset 0, 0
    axis = name eq "memory" ? "heap bytes an entry, keys of 12 and values of 64 bytes (less is better)" : \
           "nanoseconds, one thread (less is better)"
    set xlabel axis
    set yrange [rows(name) - 0.4:-0.6]
    unset key
    plot table(name) every ::1 using 2:0:(0):2:($0 - 0.35):($0 + 0.35):(dark(strcol(1))):ytic(1) \
           with boxxyerror linecolor rgb variable, \
         "" every ::1 using 2:0:(shown($2)) with labels left offset 0.4, 0 font ",11"
  }
}

# Lines: one panel below the other, all of one width, each with its legend at the right.
set lmargin at screen 0.1
set rmargin at screen 0.54
set key at screen 0.56, graph 1 left top vertical Left reverse autotitle columnheader samplen 4.5 font ",11" spacing 1.3

if (has("threads_hit") && has("threads_mixed")) {
  eval start("threads", 620)
  set logscale x 2
  set xlabel "threads"
  set ylabel "million operations/s (more is better)"
  set xrange [0.9:*]
  set yrange [0:*]
  set xtics (1, 2, 4, 8, 16)
  set multiplot layout 2, 1
  do for [name in "threads_hit threads_mixed"] {
    heading = name eq "threads_hit" ? "Hits, Zipf(0.99)" : "95 % hits, 5 % overwrites, Zipf(0.99)"
    set title heading
    plot for [i = 2:columns(name)] table(name) using 1:i with linespoints linetype i - 1
  }
  unset multiplot
  unset logscale
  set xtics autofreq
}

if (has("sizes_get")) {
  eval start("sizes", 1180)
  set logscale xy
  set format x "10^%T"
  set xrange [700:*]
  set yrange [*:*]
  set xlabel "entries"
  set ylabel "ns, one thread (less is better)"
  set multiplot layout 4, 1
  do for [name in "get miss mixed set_new"] {
    heading = name eq "get" ? "A hit" : name eq "miss" ? "A miss" : \
              name eq "mixed" ? "95 % hits, 5 % overwrites" : "A set that evicts"
    set title heading
    plot for [i = 2:columns("sizes_" . name)] table("sizes_" . name) using 1:i with linespoints linetype i - 1
  }
  unset multiplot
  unset logscale
  set format x "%h"
}

if (has("latency_growing") && has("latency_evicting")) {
  eval start("latency", 700)
  set logscale y
  set format y "10^%T"
  set xrange [-0.2:3.2]
  set yrange [10:*]
  set xlabel "percentile of a million sets"
  set ylabel "nanoseconds (less is better)"
  set multiplot layout 2, 1
  do for [name in "latency_growing latency_evicting"] {
    heading = name eq "latency_growing" ? "One set while growing from empty to a million entries" : \
              "One set that evicts, half a million entries"
    set title heading
    plot for [i = 2:columns(name)] table(name) using 0:i:xtic(1) with linespoints linetype i - 1
  }
  unset multiplot
}
