"""The answers of audits, and sheets that are to be imported."""

from typing import Any, ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the tables of the treasury."""

    initial = True
    dependencies: ClassVar[list[Any]] = []
    operations: ClassVar = [
        migrations.CreateModel(
            name="Audit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("made_at", models.DateTimeField(auto_now_add=True)),
                ("records", models.PositiveBigIntegerField()),
                ("causes", models.PositiveIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Sheet",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=255)),
                ("data", models.BinaryField()),
                ("sent_at", models.DateTimeField(auto_now_add=True)),
                ("answers", models.JSONField(default=dict)),
                ("booked", models.CharField(blank=True, max_length=64)),
                ("source", models.CharField(blank=True, max_length=32)),
            ],
        ),
    ]
