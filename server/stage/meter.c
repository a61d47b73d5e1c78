#include "stage/meter.h"

#include <math.h>

static const float FULL_SCALE = 32768.0F;

static int peak_dbov(const int16_t *pcm, size_t values)
{
    int peak = 0;
    for (size_t i = 0; i < values; i++) {
        int size = pcm[i] < 0 ? -pcm[i] : pcm[i];
        peak = size > peak ? size : peak;
    }
    if (peak == 0)
        return METER_SILENCE_DBOV;
    return (int)lroundf(20.0F * log10f((float)peak / FULL_SCALE));
}

void meter_init(struct meter *meter)
{
    *meter = (struct meter){.peak_dbov = METER_SILENCE_DBOV};
}

void meter_add(struct meter *meter, const int16_t *pcm, size_t values)
{
    int dbov = pcm ? peak_dbov(pcm, values) : METER_SILENCE_DBOV;
    if (dbov > meter->peak_dbov)
        meter->peak_dbov = dbov;
    meter->loud_ticks = dbov >= METER_SPEECH_ON_DBOV ? meter->loud_ticks + 1 : 0;
    bool goes_on = meter->speech_left_ticks > 0 && dbov >= METER_SPEECH_OFF_DBOV;
    if (meter->loud_ticks >= METER_ON_TICKS || goes_on)
        meter->speech_left_ticks = METER_HOLD_TICKS;
    else if (meter->speech_left_ticks > 0)
        meter->speech_left_ticks--;
    if (dbov >= METER_SOUND_DBOV)
        meter->sound_left_ticks = METER_HOLD_TICKS;
    else if (meter->sound_left_ticks > 0)
        meter->sound_left_ticks--;
}

int8_t meter_take(struct meter *meter)
{
    int peak = meter->peak_dbov;
    meter->peak_dbov = METER_SILENCE_DBOV;
    return (int8_t)peak;
}

bool meter_is_speaking(const struct meter *meter)
{
    return meter->speech_left_ticks > 0;
}

bool meter_has_sound(const struct meter *meter)
{
    return meter->sound_left_ticks > 0;
}
